#pragma once

#include <memory>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/duplex_server.hpp>
#include <zeroduplex/options.hpp>

namespace zeroduplex {

namespace detail {
class Server;
}

/// The server's end of an in-place duplex (v2) channel.
class InPlaceDuplexServer final : public IInPlaceDuplexServer {
 public:
  /// Creates the channel; clients can attach when this returns. Throws InvalidNameError, InvalidArgumentError, NameInUseError,
  /// OutOfMemoryError, PermissionDeniedError, SystemError.
  InPlaceDuplexServer(std::string name, const BufferConfig& config, const ServerOptions& options = {});
  ~InPlaceDuplexServer() override;

  using IDuplexServer::stop;

  void start(Handler handler) override;
  void stop(Duration timeout) override;
  void requestStop() noexcept override;
  void setMetadata(std::span<const std::byte> data) override;
  [[nodiscard]] std::vector<std::byte> clientMetadata() override;
  [[nodiscard]] bool isClientConnected() override;
  [[nodiscard]] MemoryReport memoryReport() override;
  [[nodiscard]] const std::string& name() const noexcept override;

 protected:
  [[nodiscard]] Duration stopTimeout() const noexcept override;

 private:
  std::unique_ptr<detail::Server> server_;
};

}  // namespace zeroduplex
