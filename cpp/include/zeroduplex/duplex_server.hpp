#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <zeroduplex/frame.hpp>
#include <zeroduplex/memory_report.hpp>

namespace zeroduplex {

/// The server's end of a channel, whatever its protocol. All functions are thread-safe.
class IDuplexServer {
 public:
  using Duration = std::chrono::nanoseconds;
  /// Turns the request that stands in the frame into the response. An exception that leaves it is a failure, which the server
  /// survives. With more than one worker it runs on several threads at the same time.
  using Handler = std::function<void(Frame&)>;

  IDuplexServer() = default;
  IDuplexServer(const IDuplexServer&) = delete;
  IDuplexServer& operator=(const IDuplexServer&) = delete;
  /// Stops, then waits for handlers that still run, since they use the caller's objects.
  virtual ~IDuplexServer() = default;

  /// Begins to answer and returns at once. Clients can attach and send before. Throws InvalidArgumentError the second time and
  /// without a handler, ClosedError after stop().
  virtual void start(Handler handler) = 0;

  /// Takes nothing new, lets handlers finish, waits until the client has consumed the responses or is gone, and removes the
  /// channel. The default timeout is the one of the options. Throws TimeoutError when handlers still ran at its end, or a living
  /// client had not consumed its responses; the channel is removed then too. Does nothing the second time. Not callable from a
  /// handler (InvalidArgumentError): see requestStop().
  void stop();
  void stop(int milliseconds);
  virtual void stop(Duration timeout) = 0;
  /// Stops taking requests, without waiting. The way to stop from a handler; stop() or the destructor does the rest.
  virtual void requestStop() noexcept = 0;

  /// Writes this server's metadata, once. Throws MetadataTooLargeError, MetadataAlreadyWrittenError.
  virtual void setMetadata(std::span<const std::byte> data) = 0;
  /// The attached client's metadata, empty when it has written none.
  [[nodiscard]] virtual std::vector<std::byte> clientMetadata() = 0;
  [[nodiscard]] virtual bool isClientConnected() = 0;
  /// What became of the options prefault and huge_pages, also after stop(). A server that gave its object up and made another
  /// reports on that one.
  [[nodiscard]] virtual MemoryReport memoryReport() = 0;
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;

 protected:
  [[nodiscard]] virtual Duration stopTimeout() const noexcept = 0;
};

/// A server whose handler changes the request where it stands: what it leaves there is the response. The client gets
/// HandlerFailedError for a failure.
class IInPlaceDuplexServer : public IDuplexServer {};

}  // namespace zeroduplex
