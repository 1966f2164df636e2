// Sends a raw RGBA picture to a filter-server and takes back what the server made of it.
//
//   filter-client --name N --input raw.rgba --width W --height H [--count K] [--inflight M] [--output out.rgba] [--json]
//                 [--wait spin|hybrid|block]
//
// The pixels are written straight into shared memory and the responses are read where they stand there. Exit codes: 0 all responses
// came, 1 failed, 2 wrong flags.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "common/percentile.hpp"
#include "common/picture.hpp"
#include "common/program.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string name, input, output;
  std::size_t width, height, count, inflight;
  bool json;
  zeroduplex::ClientOptions client;
};

Options parse(examples::Flags flags) {
  Options o{.name = flags.text("name"),
            .input = flags.text("input"),
            .output = flags.text("output"),
            .width = flags.number<std::size_t>("width", 0, 1),
            .height = flags.number<std::size_t>("height", 0, 1),
            .count = flags.number<std::size_t>("count", 1, 1),
            .inflight = flags.number<std::size_t>("inflight", 1, 1),
            .json = flags.is_set("json"),
            .client = {}};
  o.client.wait = flags.wait();
  flags.finish();
  if (o.input.empty()) throw examples::UsageError("--input is missing");
  return o;
}

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

void write_file(const std::string& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

/// What the channel takes in shared memory: one object, or two of v1, and four semaphores of 32 bytes.
std::uint64_t shm_bytes(const std::string& name) {
  const std::filesystem::path folder = "/dev/shm";
  if (std::filesystem::exists(folder / name)) return std::filesystem::file_size(folder / name) + 4 * 32;
  return std::filesystem::file_size(folder / (name + "_request")) + std::filesystem::file_size(folder / (name + "_response")) +
         4 * 32;
}

/// One run of requests and their responses.
struct Exchange {
  zeroduplex::IDuplexClient& client;
  std::span<const std::byte> picture;
  struct Sent {
    Clock::time_point committed;
    const std::byte* place;  // where the request stands in shared memory
  };
  std::map<std::uint64_t, Sent> pending{};
  std::vector<std::int64_t> nanoseconds{};
  std::vector<std::byte> last{};
  std::uint64_t copied = 0;  // bytes of responses that did not stand where their request stood

  void send() {
    auto buffer = client.acquireRequestBuffer(picture.size());
    const std::span<std::byte> pixels = buffer.data();
    std::copy(picture.begin(), picture.end(), pixels.begin());  // a camera or a decoder would write here itself
    const Sent sent{Clock::now(), pixels.data()};
    pending[buffer.commit()] = sent;
  }

  void receive() {
    const auto response = client.receiveResponse();
    const auto received = Clock::now();
    const Sent sent = pending.extract(response.sequence()).mapped();
    nanoseconds.push_back(std::chrono::nanoseconds(received - sent.committed).count());
    const std::span<std::byte> pixels = response.data();
    if (pixels.data() != sent.place) copied += pixels.size();
    last.assign(pixels.begin(), pixels.end());
  }
};

void run(const Options& o) {
  const std::vector<std::byte> picture = read_file(o.input);
  const examples::Geometry geometry{.width = o.width, .height = o.height, .stride = o.width * 4};
  if (picture.size() != geometry.size()) {
    throw std::runtime_error(o.input + " has " + std::to_string(picture.size()) + " bytes, a picture of " +
                             std::to_string(o.width) + " x " + std::to_string(o.height) + " has " +
                             std::to_string(geometry.size()));
  }
  const auto client = zeroduplex::DuplexChannelFactory::getInstance().createClient(o.name, o.client);
  const std::string metadata = geometry.to_json();
  client->setMetadata(std::as_bytes(std::span(metadata)));

  Exchange exchange{*client, picture};
  for (std::size_t sent = 0; exchange.nanoseconds.size() < o.count;) {
    if (sent < o.count && exchange.pending.size() < o.inflight) {
      exchange.send();
      ++sent;
    } else {
      exchange.receive();
    }
  }
  if (!o.output.empty()) write_file(o.output, exchange.last);

  const std::int64_t median = examples::percentile(exchange.nanoseconds, 0.50);
  const std::int64_t p99 = examples::percentile(exchange.nanoseconds, 0.99);
  const std::uint64_t bytes = o.count * picture.size();
  if (o.json) {
    std::cout << "{\"frames\":" << o.count << ",\"bytes\":" << bytes << ",\"median_ns\":" << median << ",\"p99_ns\":" << p99
              << ",\"copied_by_sdk\":" << exchange.copied << ",\"shm_bytes\":" << shm_bytes(o.name) << "}\n";
  } else {
    std::cout << o.count << " frames, " << bytes << " bytes, median " << median << " ns, 99th percentile " << p99 << " ns, "
              << exchange.copied << " bytes copied by the SDK, " << shm_bytes(o.name) << " bytes of shared memory\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("filter-client", [&] { run(parse(examples::Flags(argc, argv, {"json"}))); });
}
