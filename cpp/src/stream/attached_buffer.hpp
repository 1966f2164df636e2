#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <zeroduplex/memory_provider.hpp>
#include <zeroduplex/memory_report.hpp>

#include "platform/pages.hpp"
#include "platform/semaphore.hpp"
#include "stream/buffer.hpp"

namespace zeroduplex::stream {

/// How a writer attaches.
struct AttachSettings {
  std::chrono::nanoseconds connect_timeout;
  bool allow_other_users = false;
  std::optional<SharedMemoryView> memory = std::nullopt;
  platform::PageWish wish = {};
};

/// A v1 buffer as its one writer holds it.
class AttachedBuffer {
 public:
  /// Tries until the connect timeout is over as long as there is no ready buffer of the name, its reader is dead or another writer
  /// is attached. Throws InvalidNameError, InvalidArgumentError, BufferNotFoundError, ReaderDeadError, WriterAlreadyConnectedError,
  /// VersionMismatchError, CorruptedError, PermissionDeniedError, OutOfMemoryError (prefault), UnsupportedPlatformError,
  /// SystemError.
  AttachedBuffer(const std::string& name, const AttachSettings& settings);
  AttachedBuffer(const AttachedBuffer&) = delete;
  AttachedBuffer& operator=(const AttachedBuffer&) = delete;
  ~AttachedBuffer() { detach(); }

  [[nodiscard]] const Buffer& buffer() const noexcept { return buffer_; }
  [[nodiscard]] const MemoryReport& report() const noexcept { return report_; }
  [[nodiscard]] platform::NamedSemaphore& data_written() noexcept { return data_written_; }
  [[nodiscard]] platform::NamedSemaphore& data_read() noexcept { return data_read_; }

  /// Whether the reader has closed, by one load. Thread-safe.
  [[nodiscard]] bool reader_has_left() const noexcept;
  /// Asks the kernel. Thread-safe.
  [[nodiscard]] bool reader_is_living() const noexcept;

  /// Makes room for another writer. The memory stays mapped, but is that writer's now. Once.
  void detach() noexcept;

 private:
  enum class Outcome : std::uint8_t { attached, no_buffer, not_ready, no_reader, no_semaphores, old_semaphores };

  [[nodiscard]] Outcome try_attach(const std::string& name, const AttachSettings& settings);
  [[nodiscard]] Outcome find_memory(const std::string& name, const AttachSettings& settings, std::span<std::byte>& memory);
  [[nodiscard]] bool semaphores_are_older() const noexcept;
  void claim(const std::string& name);
  void prepare_pages(const AttachSettings& settings);

  std::unique_ptr<SharedMemory> memory_;  // none on a view
  Buffer buffer_;
  MemoryReport report_;
  platform::NamedSemaphore data_written_;
  platform::NamedSemaphore data_read_;
  std::uint64_t pid_;
  bool attached_ = false;
};

}  // namespace zeroduplex::stream
