#include <zeroduplex/duplex_channel_factory.hpp>
#include <zeroduplex/in_place_duplex_channel.hpp>
#include <zeroduplex/in_place_duplex_server.hpp>

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

std::unique_ptr<IDuplexClient> DuplexChannelFactory::createClient(const std::string& name, const ClientOptions& options) const {
  return std::make_unique<InPlaceDuplexChannel>(name, options);
}

}  // namespace zeroduplex
