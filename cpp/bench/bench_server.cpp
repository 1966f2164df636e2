// One side of a measurement; `zeroduplex bench` starts it.
//
//   bench-server --name N --size B --inflight M --wait spin|hybrid|block --cpu C --limit-object PATH [--touch none|fill|page|all]
//                [--protocol v1|v2]

#include <iostream>

#include <zeroduplex/zeroduplex.hpp>

#include "bench_line.hpp"
#include "bench_peer.hpp"
#include "bench_semaphores.hpp"
#include "bench_usage.hpp"
#include "common/program.hpp"
#include "common/protocol.hpp"

namespace {

/// What a frame asks for instead of the ordinary work; apart, so that the ordinary work does not make room for it.
[[gnu::noinline]] void do_asked(std::uint64_t what, bench::Line& line, bench::Semaphores& semaphores, const std::string& channel) {
  switch (what) {
    case bench::ask_line:
      return line.bounce_back();
    case bench::ask_semaphores:
      return semaphores.give_back(line.asked_for());
    case bench::ask_memory:
      return line.write_memory(bench::shared_memory(channel));
    default:
      return line.write_note(bench::note_of_self());
  }
}

void serve(examples::Flags flags) {
  const bench::PeerOptions o(flags);
  const examples::Protocol protocol = examples::protocol(flags);
  flags.finish();
  bench::pin(o.cpu);
  const examples::StopSignal stop;
  bench::Line line(o.limit_object);
  bench::Semaphores semaphores(o.limit_object);
  zeroduplex::ServerOptions options;
  options.wait = o.wait;
  const auto server = examples::create_server(protocol, o.name, o.room(), options);
  server->start([&](zeroduplex::Frame& frame) {
    const std::uint64_t asked = line.asked();
    if (asked != bench::ask_nothing) return do_asked(asked, line, semaphores, o.name);
    bench::invert(frame.data(), o.touch);
  });
  std::cout << "ready" << std::endl;
  stop.wait();
  server->stop();
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("bench-server", [&] { serve(examples::Flags(argc, argv)); });
}
