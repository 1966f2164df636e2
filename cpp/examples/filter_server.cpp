// Changes the pictures of one client where they stand in shared memory, or with ZeroBuffer v1 in a copy.
//
//   filter-server --name N --filter invert|blur|echo|sleep|fail [--workers W] [--payload-size B] [--wait spin|hybrid|block]
//                 [--protocol v1|v2]
//
// Prints "ready" when a client can attach and stops in good order on SIGTERM or SIGINT. Exit codes: 0 stopped, 1 failed, 2 wrong
// flags.

#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <thread>

#include <zeroduplex/zeroduplex.hpp>

#include "common/picture.hpp"
#include "common/program.hpp"
#include "common/protocol.hpp"

namespace {

using zeroduplex::Frame;
using zeroduplex::IDuplexServer;

/// A handler that applies a filter. frame.data() is shared memory: what the filter writes there is the response.
IDuplexServer::Handler pictures(IDuplexServer& server, void (*filter)(std::span<std::uint8_t>, const examples::Geometry&)) {
  return [&server, filter](Frame& frame) {
    const examples::Geometry geometry = examples::parse_geometry(server.clientMetadata());
    filter({frame.get_mutable_data(), frame.size()}, geometry);
  };
}

IDuplexServer::Handler make_handler(const std::string& filter, IDuplexServer& server) {
  if (filter == "invert") return pictures(server, examples::invert);
  if (filter == "blur") return pictures(server, examples::blur);
  if (filter == "echo") return [](Frame&) {};
  if (filter == "fail") return [](Frame& frame) { frame.fail(1, "asked to fail"); };
  return [](Frame& frame) { std::this_thread::sleep_for(std::chrono::milliseconds(frame.opcode() == 0 ? 10 : frame.opcode())); };
}

void serve(examples::Flags flags) {
  const std::string name = flags.text("name");
  const std::string filter = flags.text("filter");
  if (filter != "invert" && filter != "blur" && filter != "echo" && filter != "sleep" && filter != "fail") {
    throw examples::UsageError("--filter \"" + filter + "\" is not one of invert, blur, echo, sleep, fail");
  }
  zeroduplex::ServerOptions options;
  options.workers = flags.number<std::uint32_t>("workers", 1, 1, 1024);
  const auto payload_size = flags.number<std::uint64_t>("payload-size", 16 << 20, 1);
  options.wait = flags.wait();
  const examples::Protocol protocol = examples::protocol(flags);
  flags.finish();

  const examples::StopSignal stop;
  const auto server = examples::create_server(protocol, name, zeroduplex::BufferConfig(4096, payload_size), options);
  server->start(make_handler(filter, *server));
  std::cout << "ready" << std::endl;
  stop.wait();
  server->stop();
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("filter-server", [&] { serve(examples::Flags(argc, argv)); });
}
