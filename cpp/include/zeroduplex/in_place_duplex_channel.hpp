#pragma once

#include <string>

#include <zeroduplex/duplex_client.hpp>
#include <zeroduplex/options.hpp>

namespace zeroduplex {

/// The client's end of an in-place duplex (v2) channel.
class InPlaceDuplexChannel final : public IDuplexClient {
 public:
  /// Attaches to the server of this name. Throws InvalidNameError, ServerNotFoundError, WriterAlreadyConnectedError,
  /// ServerBusyError, VersionMismatchError, CorruptedError, PermissionDeniedError, OutOfMemoryError (prefault),
  /// UnsupportedPlatformError, SystemError.
  explicit InPlaceDuplexChannel(std::string name, const ClientOptions& options = {});
  ~InPlaceDuplexChannel() override;

  using IDuplexClient::acquireRequestBuffer;
  using IDuplexClient::call;
  using IDuplexClient::receiveResponse;
  using IDuplexClient::send;

  std::uint64_t send(const Request& request, Duration timeout) override;
  RequestBuffer acquireRequestBuffer(std::size_t size, std::size_t capacity, Duration timeout) override;
  Response receiveResponse(Duration timeout) override;
  Response receiveResponse(std::uint64_t sequence, Duration timeout) override;
  Response call(const Request& request, Duration timeout) override;
  bool cancel(std::uint64_t sequence) override;
  void setMetadata(std::span<const std::byte> data) override;
  [[nodiscard]] std::vector<std::byte> serverMetadata() override;
  [[nodiscard]] MemoryReport memoryReport() const override;
  [[nodiscard]] bool isServerConnected() override;
  void close() override;

 protected:
  [[nodiscard]] Duration callTimeout() const noexcept override { return call_timeout_; }
  [[nodiscard]] Duration sendTimeout() const noexcept override { return send_timeout_; }

 private:
  detail::Channel* channel_;
  Duration call_timeout_;
  Duration send_timeout_;
};

}  // namespace zeroduplex
