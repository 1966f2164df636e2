#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/memory_provider.hpp>
#include <zeroduplex/memory_report.hpp>

#include "platform/owner_lock.hpp"
#include "platform/pages.hpp"
#include "platform/semaphore.hpp"
#include "stream/buffer.hpp"

namespace zeroduplex::stream {

/// A v1 buffer as its reader owns it: locks, memory, names and semaphores, from creation to removal.
class OwnedBuffer {
 public:
  /// Takes the name and creates everything. Throws ReaderAlreadyConnectedError, NameInUseError, InvalidArgumentError,
  /// OutOfMemoryError, PermissionDeniedError, SystemError. `allow_other_users`: whether what another user left may be taken over.
  OwnedBuffer(std::string name, const BufferConfig& config, mode_t mode, bool allow_other_users, const platform::PageWish& wish);
  OwnedBuffer(const OwnedBuffer&) = delete;
  OwnedBuffer& operator=(const OwnedBuffer&) = delete;
  ~OwnedBuffer() { remove(); }

  [[nodiscard]] const Buffer& buffer() const noexcept { return buffer_; }
  [[nodiscard]] const MemoryReport& report() const noexcept { return report_; }
  [[nodiscard]] platform::NamedSemaphore& data_written() noexcept { return data_written_; }
  [[nodiscard]] platform::NamedSemaphore& data_read() noexcept { return data_read_; }

  /// Tells the writer and removes every name that is still ours. The memory stays mapped. Once.
  void remove() noexcept;

 private:
  void create_object(const wire::SegmentV1& layout, mode_t mode, bool allow_other_users, const platform::PageWish& wish);
  void adopt_view(const SharedMemoryView& view, const wire::SegmentV1& layout);
  void make_semaphores(mode_t mode);

  std::string name_;
  platform::OwnerLock owner_;
  std::unique_ptr<SharedMemory> memory_;  // none on a view
  Buffer buffer_;
  MemoryReport report_;
  platform::NamedSemaphore data_written_;
  platform::NamedSemaphore data_read_;
  bool removed_ = false;
};

}  // namespace zeroduplex::stream
