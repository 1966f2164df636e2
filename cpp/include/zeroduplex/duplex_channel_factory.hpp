#pragma once

#include <memory>
#include <string>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/duplex_client.hpp>
#include <zeroduplex/duplex_server.hpp>
#include <zeroduplex/immutable_duplex_server.hpp>
#include <zeroduplex/options.hpp>

namespace zeroduplex {

/// Makes servers and clients. Without state: copies are as good as the original. Thread-safe.
class DuplexChannelFactory {
 public:
  [[nodiscard]] static DuplexChannelFactory& getInstance() noexcept;

  /// Creates a channel whose requests are answered in place. Clients can attach when it returns. Throws as InPlaceDuplexServer
  /// does.
  [[nodiscard]] std::unique_ptr<IInPlaceDuplexServer> createInPlaceDuplexServer(const std::string& name,
                                                                                const BufferConfig& config = {},
                                                                                const ServerOptions& options = {}) const;

  /// Creates a ZeroBuffer v1 channel, whose responses are written beside the requests. A handler of an in-place server can be
  /// started on it as it is. Clients can attach when it returns. Throws as ImmutableDuplexServer does.
  [[nodiscard]] std::unique_ptr<IImmutableDuplexServer> createImmutableServer(
      const std::string& name, const BufferConfig& config = BufferConfig::defaultV1(), const ServerOptions& options = {}) const;

  /// Attaches to the server of this name, whichever protocol it speaks: the client is an InPlaceDuplexChannel or a
  /// DualBufferDuplexChannel and throws as these do. v2 comes first where both live.
  [[nodiscard]] std::unique_ptr<IDuplexClient> createClient(const std::string& name, const ClientOptions& options = {}) const;
};

}  // namespace zeroduplex
