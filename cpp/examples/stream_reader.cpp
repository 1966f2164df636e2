// Creates a ZeroBuffer v1 buffer and reads frames from it.
//
//   stream-reader --name N --frames F [--size A | --size A-B | --sizes a,b,c] [--seed S] [--payload-size B] [--metadata-size B]
//                 [--hold K] [--verify] [--json]
//
// Prints "ready" when a writer can attach. --hold K reads K frames before it releases them, the newest first. --verify checks every
// byte, the sequence numbers and, when they are given, the sizes. Exit codes: 0 all frames read and right, 1 failed, 2 wrong flags.

#include <chrono>
#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "common/program.hpp"
#include "common/stream_pattern.hpp"

namespace {

void read(examples::Flags flags) {
  const std::string name = flags.text("name");
  const auto frames = flags.number<std::uint64_t>("frames", 1, 0);
  examples::FrameSizes sizes(flags);
  const auto defaults = zeroduplex::BufferConfig::defaultV1();
  const auto payload_size = flags.number<std::uint64_t>("payload-size", defaults.payloadSize(), 1);
  const auto metadata_size = flags.number<std::uint64_t>("metadata-size", defaults.metadataSize(), 0);
  const auto hold = flags.number<std::size_t>("hold", 1, 1);
  const bool verify = flags.is_set("verify");
  const bool json = flags.is_set("json");
  flags.finish();

  zeroduplex::Reader reader(name, zeroduplex::BufferConfig(metadata_size, payload_size));
  std::cout << "ready" << std::endl;
  std::uint64_t bytes = 0;
  std::uint64_t mismatches = 0;
  std::vector<zeroduplex::ReceivedFrame> held;
  auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t n = 1; n <= frames; ++n) {
    held.push_back(reader.readFrame());
    if (n == 1) begin = std::chrono::steady_clock::now();
    const zeroduplex::ReceivedFrame& frame = held.back();
    bytes += frame.size();
    const bool right = frame.sequence() == n && (!sizes.given() || frame.size() == sizes.next());
    if (verify && !right) ++mismatches;
    if (held.size() < hold && n < frames) continue;
    for (; !held.empty(); held.pop_back()) {  // which releases it
      // Only now: it must have kept its bytes all the time.
      if (verify && !examples::is_filled(held.back().data(), held.back().sequence())) ++mismatches;
    }
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;

  if (json) {
    const auto info = examples::OperationInfo(name).read();
    const auto metadata = reader.metadata();
    std::cout << R"({"role":"reader","frames":)" << frames << ",\"bytes\":" << bytes << ",\"seconds\":" << seconds.count()
              << ",\"mismatches\":" << mismatches << ",\"payload_size\":" << info.payload_size
              << ",\"payload_free_bytes\":" << info.payload_free_bytes << ",\"written_count\":" << info.payload_written_count
              << ",\"read_count\":" << info.payload_read_count << ",\"metadata_bytes\":" << (metadata ? metadata->size() : 0) << "}"
              << std::endl;
  } else {
    std::cout << "read " << frames << " frames, " << bytes << " bytes, in " << seconds.count() << " s" << std::endl;
  }
  if (mismatches > 0) throw std::runtime_error(std::to_string(mismatches) + " frames are not what the writer wrote");
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("stream-reader", [&] { read(examples::Flags(argc, argv, {"verify", "json"})); });
}
