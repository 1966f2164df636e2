#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <zeroduplex/zeroduplex.hpp>

/// Servers and clients of v1 with small buffers.
namespace test::dual_buffer {

inline constexpr std::uint64_t small_payload = 4096;
inline constexpr std::uint64_t header = zeroduplex::wire::frame_header_v1_size;
inline const zeroduplex::BufferConfig small(64, small_payload);

inline std::unique_ptr<zeroduplex::IImmutableDuplexServer> create_v1(const std::string& name,
                                                                     const zeroduplex::ServerOptions& options = {},
                                                                     const zeroduplex::BufferConfig& config = small) {
  return zeroduplex::DuplexChannelFactory::getInstance().createImmutableServer(name, config, options);
}

inline std::unique_ptr<zeroduplex::IImmutableDuplexServer> serve_v1(const std::string& name,
                                                                    zeroduplex::IDuplexServer::Handler handler,
                                                                    const zeroduplex::ServerOptions& options = {}) {
  auto server = create_v1(name, options);
  server->start(std::move(handler));
  return server;
}

inline zeroduplex::ClientOptions with_small_responses() {
  zeroduplex::ClientOptions options;
  options.response_config = small;
  return options;
}

inline std::unique_ptr<zeroduplex::IDuplexClient> connect_v1(const std::string& name,
                                                             const zeroduplex::ClientOptions& options = with_small_responses()) {
  return zeroduplex::DuplexChannelFactory::getInstance().createClient(name, options);
}

}  // namespace test::dual_buffer
