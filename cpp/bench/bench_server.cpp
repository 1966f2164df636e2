// One side of a measurement; `zeroduplex bench` starts it.
//
//   bench-server --name N --size B --inflight M --wait spin|hybrid|block --cpu C --limit-object PATH [--touch none|page|all]
//                [--protocol v1|v2]

#include <iostream>

#include <zeroduplex/zeroduplex.hpp>

#include "bench_line.hpp"
#include "bench_peer.hpp"
#include "common/program.hpp"
#include "common/protocol.hpp"

namespace {

void serve(examples::Flags flags) {
  const bench::PeerOptions o(flags);
  const examples::Protocol protocol = examples::protocol(flags);
  flags.finish();
  bench::pin(o.cpu);
  const examples::StopSignal stop;
  bench::Line line(o.limit_object);
  zeroduplex::ServerOptions options;
  options.wait = o.wait;
  const auto server = examples::create_server(protocol, o.name, o.room(), options);
  server->start([&](zeroduplex::Frame& frame) {
    if (frame.opcode() == bench::opcode_limit) {
      line.bounce_back();
    } else {
      bench::invert(frame.data(), o.touch);
    }
  });
  std::cout << "ready" << std::endl;
  stop.wait();
  server->stop();
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("bench-server", [&] { serve(examples::Flags(argc, argv)); });
}
