#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace zeroduplex {

namespace platform {
class SharedObject;
}

/// Where the bytes of a segment come from.
class IMemoryProvider {
 public:
  IMemoryProvider() = default;
  IMemoryProvider(const IMemoryProvider&) = delete;
  IMemoryProvider& operator=(const IMemoryProvider&) = delete;
  virtual ~IMemoryProvider() = default;

  /// Makes `size` zeroed bytes available and returns them. Throws InvalidArgumentError when this provider cannot allocate.
  virtual std::span<std::byte> allocate(std::uint64_t size) = 0;
  /// The mapped bytes; empty before allocate() or open(). Valid as long as the provider.
  [[nodiscard]] virtual std::span<std::byte> bytes() const noexcept = 0;
  /// Whether the kernel tells when a process that uses these bytes ends.
  [[nodiscard]] virtual bool hasLiveness() const noexcept = 0;
};

/// A POSIX shared-memory object, `/dev/shm/{name}`. Not thread-safe.
///
/// An allocated object has no name, so nobody ever sees it half built, until publish() gives it one. The object outlives this
/// C++ object until remove(); a provider that was never published leaves nothing behind.
class SharedMemory final : public IMemoryProvider {
 public:
  /// Throws InvalidNameError. `mode` is what publish() leaves on the object, whatever the umask.
  explicit SharedMemory(std::string name, mode_t mode = 0600);
  ~SharedMemory() override;

  /// Reserves every page, so that a full /dev/shm is an OutOfMemoryError here and not a SIGBUS later.
  std::span<std::byte> allocate(std::uint64_t size) override;
  /// Maps the object that has the name now. Throws ServerNotFoundError when there is none, NameInUseError when the name is not a
  /// regular file, PermissionDeniedError.
  std::span<std::byte> open();
  [[nodiscard]] std::span<std::byte> bytes() const noexcept override;
  [[nodiscard]] bool hasLiveness() const noexcept override { return true; }

  /// Gives an allocated object its name. False: the name exists.
  [[nodiscard]] bool publish();
  /// Unlinks the name if it still leads to this object.
  void remove() noexcept;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// The platform's part, for the library itself.
  [[nodiscard]] platform::SharedObject& object() noexcept { return *object_; }

 private:
  std::string name_;
  mode_t mode_;
  std::unique_ptr<platform::SharedObject> object_;
};

/// Existing memory, for instance a heap block that client and server of one process share. Refuses to allocate, cannot tell when a
/// peer dies, and does not own the bytes: they must outlive every channel on them. Copies view the same bytes.
class SharedMemoryView final : public IMemoryProvider {
 public:
  /// `bytes` must begin on a 64-byte boundary; throws InvalidArgumentError otherwise.
  explicit SharedMemoryView(std::span<std::byte> bytes);
  SharedMemoryView(const SharedMemoryView& other) noexcept : IMemoryProvider(), bytes_(other.bytes_) {}
  SharedMemoryView& operator=(const SharedMemoryView& other) noexcept {
    bytes_ = other.bytes_;
    return *this;
  }
  ~SharedMemoryView() override = default;

  std::span<std::byte> allocate(std::uint64_t size) override;
  [[nodiscard]] std::span<std::byte> bytes() const noexcept override { return bytes_; }
  [[nodiscard]] bool hasLiveness() const noexcept override { return false; }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace zeroduplex
