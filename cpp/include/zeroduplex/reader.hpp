#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/memory_report.hpp>
#include <zeroduplex/options.hpp>
#include <zeroduplex/received_frame.hpp>

namespace zeroduplex {

/// The reading end of a ZeroBuffer v1 buffer, a stream of frames from one writer. The reader creates the buffer and owns it. All
/// functions are thread-safe; threads that read are served first come, first served.
class Reader final {
 public:
  using Duration = std::chrono::nanoseconds;

  /// Creates the buffer; a writer can attach when this returns. Throws InvalidNameError, InvalidArgumentError,
  /// ReaderAlreadyConnectedError, NameInUseError, OutOfMemoryError, PermissionDeniedError, SystemError.
  explicit Reader(std::string name, const BufferConfig& config = BufferConfig::defaultV1(), const ReaderOptions& options = {});
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  /// Closes.
  ~Reader();

  /// The next frame. `timeout` is a std::chrono duration or whole milliseconds, by default the read timeout; 0 looks once. What was
  /// written before the writer went is delivered first.
  ///
  /// Throws TimeoutError when none came; WriterDeadError when a writer was there and is gone: another one may come. CorruptedError
  /// and SequenceError when shared memory holds what a correct writer never writes: from then on every call throws it. ClosedError.
  ReceivedFrame readFrame();
  ReceivedFrame readFrame(int milliseconds);
  ReceivedFrame readFrame(Duration timeout);

  /// A copy of the writer's metadata, nothing when none was written. Throws CorruptedError, ClosedError.
  [[nodiscard]] std::optional<std::vector<std::byte>> metadata() const;
  /// Whether a writer is attached and lives. Asks the kernel, now.
  [[nodiscard]] bool isWriterConnected() const;
  /// What became of the options prefault and huge_pages, also after close().
  [[nodiscard]] MemoryReport memoryReport() const;
  [[nodiscard]] const std::string& name() const noexcept;

  /// Wakes and fails every waiting call, then removes the buffer. Frames that are out stay valid. Does nothing the second time.
  void close() noexcept;

 private:
  std::shared_ptr<stream::ReaderCore> core_;
  Duration read_timeout_;
};

}  // namespace zeroduplex
