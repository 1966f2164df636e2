#pragma once

#include <string>

#include <zeroduplex/duplex_client.hpp>
#include <zeroduplex/options.hpp>

namespace zeroduplex {

namespace detail {
class DualBufferChannel;
}

/// The client's end of a ZeroBuffer v1 duplex channel: requests go to the buffer `{name}_request`, responses come in
/// `{name}_response`, which this client creates as the options say. It speaks to servers of ZeroBuffer as well as to ours.
///
/// v1 knows less than v2. Frames have no tag: an opcode other than 0 is refused (InvalidArgumentError), and so is an empty request
/// (InvalidFrameSizeError). A capacity is accepted and means nothing; the response buffer is the limit, and as in every v1 buffer
/// a frame can be unplaceable for the moment (FrameUnplaceableError). Responses come in the order of the requests: waiting for one
/// by number keeps those before it in the response buffer. One-way requests are answered like all others; this client drops the
/// answers, when it sends, receives or closes. cancel() is always too late. A response may be the message of a failure: nothing
/// marks it as one. Server metadata is there from the first response on. Metadata of a client can be written by one client of a
/// server only.
class DualBufferDuplexChannel final : public IDuplexClient {
 public:
  /// Attaches to the server of this name. Throws InvalidNameError, InvalidArgumentError, ServerNotFoundError,
  /// WriterAlreadyConnectedError, ServerBusyError while the server has not read what a client before left, VersionMismatchError,
  /// CorruptedError, OutOfMemoryError, PermissionDeniedError, UnsupportedPlatformError, SystemError. With allow_other_users the
  /// response buffer may be opened by everybody.
  explicit DualBufferDuplexChannel(std::string name, const ClientOptions& options = {});
  ~DualBufferDuplexChannel() override;

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
  detail::DualBufferChannel* channel_;
  Duration call_timeout_;
  Duration send_timeout_;
};

}  // namespace zeroduplex
