#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <zeroduplex/frame_buffer.hpp>
#include <zeroduplex/memory_report.hpp>
#include <zeroduplex/options.hpp>

namespace zeroduplex {

/// The writing end of a ZeroBuffer v1 buffer. A buffer has one writer at a time. All functions are thread-safe; threads that write
/// are served first come, first served.
///
/// Writing throws InvalidFrameSizeError for an empty frame; FrameTooLargeError for one that the buffer never takes, and its kind
/// FrameUnplaceableError for one that cannot be placed at the ring's present position, even when the buffer is empty: a payload of
/// twice the frame and 48 bytes has a place everywhere. BufferFullError when there was no room in time, and its kind
/// AcquisitionOpenError when an acquired buffer was open all the time. ReaderDeadError once the reader has closed, or within 100 ms
/// after it died; CorruptedError, ClosedError.
class Writer final {
 public:
  using Duration = std::chrono::nanoseconds;

  /// Attaches, and waits within the connect timeout for a reader that lives and is ready, and for another writer to leave. Throws
  /// InvalidNameError, InvalidArgumentError, BufferNotFoundError, ReaderDeadError, WriterAlreadyConnectedError,
  /// VersionMismatchError, CorruptedError, PermissionDeniedError, OutOfMemoryError (prefault), UnsupportedPlatformError,
  /// SystemError.
  explicit Writer(std::string name, const WriterOptions& options = {});
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  /// Closes.
  ~Writer();

  /// Copies a frame into the ring and returns its sequence number, from 1 on. `timeout` is a std::chrono duration or whole
  /// milliseconds, by default the write timeout; 0 looks once.
  std::uint64_t writeFrame(std::span<const std::byte> data);
  std::uint64_t writeFrame(std::span<const std::byte> data, int milliseconds);
  std::uint64_t writeFrame(std::span<const std::byte> data, Duration timeout);
  std::uint64_t writeFrame(const void* data, std::size_t size);

  /// Room for a frame of `size` bytes, to be filled in place: no copy is made.
  FrameBuffer acquireFrameBuffer(std::size_t size);
  FrameBuffer acquireFrameBuffer(std::size_t size, int milliseconds);
  FrameBuffer acquireFrameBuffer(std::size_t size, Duration timeout);

  /// Writes the buffer's metadata, which can be done once, whoever does it. Throws MetadataTooLargeError,
  /// MetadataAlreadyWrittenError.
  void setMetadata(std::span<const std::byte> content);
  /// Whether the reader lives. Asks the kernel, now.
  [[nodiscard]] bool isReaderConnected() const;
  /// What became of the options prefault and huge_pages, also after close().
  [[nodiscard]] MemoryReport memoryReport() const;
  [[nodiscard]] const std::string& name() const noexcept;

  /// Wakes and fails every waiting call, then makes room for another writer; at once, or when the FrameBuffer that is out is given
  /// back. Does nothing the second time.
  void close() noexcept;

 private:
  std::shared_ptr<stream::WriterCore> core_;
  Duration write_timeout_;
};

}  // namespace zeroduplex
