#include <zeroduplex/duplex_channel_factory.hpp>
#include <zeroduplex/in_place_duplex_server.hpp>

#include "dual_buffer/recognise.hpp"

namespace zeroduplex {

DuplexChannelFactory& DuplexChannelFactory::getInstance() noexcept {
  static DuplexChannelFactory factory;
  return factory;
}

std::unique_ptr<IInPlaceDuplexServer> DuplexChannelFactory::createInPlaceDuplexServer(const std::string& name,
                                                                                      const BufferConfig& config,
                                                                                      const ServerOptions& options) const {
  return std::make_unique<InPlaceDuplexServer>(name, config, options);
}

std::unique_ptr<IImmutableDuplexServer> DuplexChannelFactory::createImmutableServer(const std::string& name,
                                                                                    const BufferConfig& config,
                                                                                    const ServerOptions& options) const {
  return std::make_unique<ImmutableDuplexServer>(name, config, options);
}

std::unique_ptr<IDuplexClient> DuplexChannelFactory::createClient(const std::string& name, const ClientOptions& options) const {
  return detail::connect_to_any(name, options);
}

}  // namespace zeroduplex
