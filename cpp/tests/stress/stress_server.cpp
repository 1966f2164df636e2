// Checks every byte of every request and answers with the complement, until SIGTERM.
//
//   stress-server --name N [--payload-size B] [--workers W] [--wait spin|hybrid|block] [--protocol v1|v2]
//
// Prints "ready", and at the end one line of JSON.

#include <atomic>
#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include <zeroduplex/zeroduplex.hpp>

#include "common/program.hpp"
#include "common/protocol.hpp"
#include "pattern.hpp"

namespace {

struct Counters {
  std::atomic<std::uint64_t> handled{0}, one_way{0}, bad{0};
};

void handle(zeroduplex::Frame& frame, Counters& counters) {
  ++counters.handled;
  if (frame.isOneWay()) ++counters.one_way;
  const std::size_t received = frame.size();
  if (const auto i = stress::mismatch(frame.data(), frame.sequence(), 0)) {
    ++counters.bad;
    return frame.fail(stress::status_wrong,
                      "byte " + std::to_string(*i) + " of frame " + std::to_string(frame.sequence()) + " is wrong");
  }
  const std::uint32_t opcode = frame.opcode();
  if ((opcode & stress::delay_mask) != 0) std::this_thread::sleep_for(std::chrono::microseconds(opcode & stress::delay_mask));
  if ((opcode & stress::opcode_fail) != 0) {
    return frame.fail(stress::status_asked, "stress failure " + std::to_string(frame.sequence()));
  }
  if ((opcode & stress::opcode_grow) != 0) frame.resize(frame.capacity());
  const auto data = frame.data();
  for (std::byte& b : data.first(received)) b = ~b;
  stress::fill(data, frame.sequence(), received, stress::answer_mask);
}

void serve(examples::Flags flags) {
  const std::string name = flags.text("name");
  const auto payload_size = flags.number<std::uint64_t>("payload-size", 65536, 1);
  zeroduplex::ServerOptions options;
  options.workers = flags.number<std::uint32_t>("workers", 1, 1, 1024);
  options.wait = flags.wait();
  const examples::Protocol protocol = examples::protocol(flags);
  flags.finish();

  const examples::StopSignal stop;
  Counters counters;
  const auto server = examples::create_server(protocol, name, zeroduplex::BufferConfig(4096, payload_size), options);
  server->start([&counters](zeroduplex::Frame& frame) { handle(frame, counters); });
  std::cout << "ready" << std::endl;
  stop.wait();
  server->stop();
  std::cout << "{\"handled\":" << counters.handled << ",\"one_way\":" << counters.one_way << ",\"bad\":" << counters.bad << "}\n";
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("stress-server", [&] { serve(examples::Flags(argc, argv)); });
}
