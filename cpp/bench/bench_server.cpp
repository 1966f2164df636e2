// One side of a measurement; `zeroduplex bench` starts it.
//
//   bench-server --name N --size B --inflight M --wait spin|hybrid|block --cpu C --limit-object PATH [--touch none|page|all]

#include <iostream>

#include <zeroduplex/zeroduplex.hpp>

#include "bench_line.hpp"
#include "bench_peer.hpp"
#include "common/program.hpp"

namespace {

/// Room for the frames in flight and one more; the same in every language.
std::uint64_t payload_size(const bench::PeerOptions& o) {
  constexpr std::uint64_t block = 64;
  return (o.inflight + 1) * (block + (o.size + block - 1) / block * block);
}

void serve(examples::Flags flags) {
  const bench::PeerOptions o(flags);
  flags.finish();
  bench::pin(o.cpu);
  const examples::StopSignal stop;
  bench::Line line(o.limit_object);
  zeroduplex::ServerOptions options;
  options.wait = o.wait;
  const auto server = zeroduplex::DuplexChannelFactory::getInstance().createInPlaceDuplexServer(
      o.name, zeroduplex::BufferConfig(0, payload_size(o)), options);
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
