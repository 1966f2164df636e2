#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <zeroduplex/memory_report.hpp>
#include <zeroduplex/request_buffer.hpp>
#include <zeroduplex/response.hpp>

namespace zeroduplex {

/// A request with everything that can be said about it.
struct Request {
  std::span<const std::byte> data;
  /// The application's tag, seen by the handler.
  std::uint32_t opcode = 0;
  /// Bytes that the response may have; 0 means as many as the request. Less than the request's size is refused.
  std::size_t capacity = 0;
  /// No answer is wanted.
  bool one_way = false;
};

/// The client's end of a channel. All functions are thread-safe; senders are served first come, first served.
///
/// Timeouts are std::chrono durations or whole milliseconds; 0 looks once, less than 0 throws InvalidArgumentError. Every function
/// may throw ClosedError after close(), ServerDeadError once the server is gone and CorruptedError when shared memory holds what a
/// correct peer never writes; after the last two only a new client helps.
class IDuplexClient {
 public:
  using Duration = std::chrono::nanoseconds;

  IDuplexClient() = default;
  IDuplexClient(const IDuplexClient&) = delete;
  IDuplexClient& operator=(const IDuplexClient&) = delete;
  /// Closes.
  virtual ~IDuplexClient() = default;

  /// Copies `request.data` into the ring and sends it. Returns the sequence number. Waits at most the send timeout for its turn
  /// (AcquisitionOpenError) and for room (BufferFullError); FrameTooLargeError when it can never fit.
  std::uint64_t send(const Request& request);
  virtual std::uint64_t send(const Request& request, Duration timeout) = 0;
  std::uint64_t sendRequest(const void* data, std::size_t size);
  std::uint64_t sendRequest(std::span<const std::byte> data);

  /// Room for a request of `size` bytes and a response of at most `capacity` (0: as `size`), to be filled in place: no copy is
  /// made.
  RequestBuffer acquireRequestBuffer(std::size_t size, std::size_t capacity = 0);
  virtual RequestBuffer acquireRequestBuffer(std::size_t size, std::size_t capacity, Duration timeout) = 0;

  /// The next response that is ready, in whatever order the server answers, except those that somebody waits for by number. Throws
  /// TimeoutError, and HandlerFailedError or ResponseTooLargeError for a failed answer.
  Response receiveResponse();
  Response receiveResponse(int milliseconds);
  virtual Response receiveResponse(Duration timeout) = 0;
  /// A bare sequence number would be taken for milliseconds: give a timeout too.
  Response receiveResponse(std::uint64_t sequence) = delete;

  /// The response to one request. Throws UnknownSequenceError when none is outstanding under that number and CancelledError when
  /// the request is cancelled meanwhile. After a TimeoutError it may still be received.
  Response receiveResponse(std::uint64_t sequence, int milliseconds);
  virtual Response receiveResponse(std::uint64_t sequence, Duration timeout) = 0;

  /// Sends and waits for the answer. On a timeout the request is taken back or, once the server has it, abandoned: its late answer
  /// is released unread. `timeout` is for the answer; sending has the send timeout.
  Response call(const Request& request);
  Response call(const Request& request, int milliseconds);
  virtual Response call(const Request& request, Duration timeout) = 0;
  Response call(std::span<const std::byte> data);
  Response call(std::span<const std::byte> data, int milliseconds);

  /// Takes back a request that the server has not begun. False: it has, and the answer can be received as ever. Throws
  /// UnknownSequenceError.
  virtual bool cancel(std::uint64_t sequence) = 0;

  /// Writes this client's metadata, once. Throws MetadataTooLargeError, MetadataAlreadyWrittenError.
  virtual void setMetadata(std::span<const std::byte> data) = 0;
  /// The server's metadata, empty when it has written none.
  [[nodiscard]] virtual std::vector<std::byte> serverMetadata() = 0;

  /// What became of the options prefault and huge_pages, also after close().
  [[nodiscard]] virtual MemoryReport memoryReport() const = 0;

  /// Asks the kernel, now.
  [[nodiscard]] virtual bool isServerConnected() = 0;

  /// Wakes and fails every waiting call, then detaches; at once, or when the last Response or RequestBuffer that is out is given
  /// back. Does nothing the second time.
  virtual void close() = 0;

 protected:
  [[nodiscard]] virtual Duration callTimeout() const noexcept = 0;
  [[nodiscard]] virtual Duration sendTimeout() const noexcept = 0;
};

}  // namespace zeroduplex
