#pragma once

#include <functional>
#include <memory>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/duplex_server.hpp>
#include <zeroduplex/immutable_request.hpp>
#include <zeroduplex/immutable_response.hpp>
#include <zeroduplex/options.hpp>

namespace zeroduplex {

namespace detail {
class DualBufferServer;
}

/// A server that leaves the request as it is and writes the response somewhere else.
class IImmutableDuplexServer : public IDuplexServer {
 public:
  /// Reads the request and writes one response.
  using ImmutableHandler = std::function<void(const ImmutableRequest& request, ImmutableResponse& response)>;

  /// Like start(), with a handler that sees request and response at their own places: nothing is copied but what it copies.
  /// Returning without a response is a failure.
  virtual void startImmutable(ImmutableHandler handler) = 0;
};

/// The server's end of a ZeroBuffer v1 duplex channel: requests come in the buffer `{name}_request`, which it creates, and
/// responses go to `{name}_response`, which the client creates. It speaks to clients of ZeroBuffer as well as to ours.
///
/// One worker answers every request with exactly one response, in order. start() takes the handler of an in-place server: its frame
/// is a copy of the request, in memory of this process; capacity() is the largest response that the client's buffer takes, and
/// opcode() and isOneWay() are 0 and false.
///
/// v1 cannot mark a response as a failure. A handler that fails, a response that is empty or too large, and no response at all are
/// told to on_error, and the client gets the message as if it were a response: at least one byte, cut to what fits.
///
/// A client that is gone loses its responses, and what it left unread is passed without running the handler. Unlike v2, stop() does
/// not wait until responses are received: they stay in the client's buffer.
class ImmutableDuplexServer final : public IImmutableDuplexServer {
 public:
  /// Creates the request buffer; clients can attach when this returns. `config` is the request buffer's, the name at most 191
  /// bytes. Throws InvalidNameError, InvalidArgumentError (also for more than one worker), ReaderAlreadyConnectedError,
  /// NameInUseError, OutOfMemoryError, PermissionDeniedError, SystemError.
  explicit ImmutableDuplexServer(std::string name, const BufferConfig& config = BufferConfig::defaultV1(),
                                 const ServerOptions& options = {});
  ~ImmutableDuplexServer() override;

  using IDuplexServer::stop;

  void start(Handler handler) override;
  void startImmutable(ImmutableHandler handler) override;
  void stop(Duration timeout) override;
  void requestStop() noexcept override;
  /// As in every server, once. It is written into the response buffer of each client when the first request of that client comes,
  /// so a client sees it with its first response. A client whose metadata block is too small goes without; on_error is told.
  void setMetadata(std::span<const std::byte> data) override;
  /// What a client has written: a v1 buffer takes metadata once, so what the first client wrote stays.
  [[nodiscard]] std::vector<std::byte> clientMetadata() override;
  [[nodiscard]] bool isClientConnected() override;
  [[nodiscard]] MemoryReport memoryReport() override;
  [[nodiscard]] const std::string& name() const noexcept override;

 protected:
  [[nodiscard]] Duration stopTimeout() const noexcept override;

 private:
  std::shared_ptr<detail::DualBufferServer> server_;  // its worker, too, keeps it alive
};

}  // namespace zeroduplex
