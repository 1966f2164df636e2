#pragma once

#include <memory>
#include <string>

#include <zeroduplex/zeroduplex.hpp>

#include "common/flags.hpp"

namespace examples {

enum class Protocol : std::uint8_t { v1, v2 };

/// The protocol of --protocol, v2 unless given.
inline Protocol protocol(Flags& flags) {
  const std::string text = flags.text("protocol", "v2");
  if (text == "v1") return Protocol::v1;
  if (text == "v2") return Protocol::v2;
  throw UsageError("--protocol \"" + text + "\" is not one of v1, v2");
}

/// A server of either protocol. The same handler can be started on both: only the call of the factory differs.
inline std::unique_ptr<zeroduplex::IDuplexServer> create_server(Protocol protocol, const std::string& name,
                                                                const zeroduplex::BufferConfig& config,
                                                                const zeroduplex::ServerOptions& options) {
  const auto factory = zeroduplex::DuplexChannelFactory::getInstance();
  if (protocol == Protocol::v1) return factory.createImmutableServer(name, config, options);
  return factory.createInPlaceDuplexServer(name, config, options);
}

}  // namespace examples
