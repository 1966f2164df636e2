#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <utility>

namespace zeroduplex::platform {

namespace detail {
extern std::atomic<std::uint32_t> fork_generation;
}

/// How many forks lie between this process and the one that loaded the library. What a channel remembers of its birth differs in a
/// forked child, which may not use it: locks belong to open file descriptions, and the child shares those of its parent.
inline std::uint32_t fork_generation() noexcept { return detail::fork_generation.load(std::memory_order_relaxed); }

/// Owns a file descriptor on which locks are taken. A forked child closes all of these at once and without unlocking: while it kept
/// one open, its parent's locks would outlive the parent.
class LockDescriptor {
 public:
  LockDescriptor() noexcept = default;
  LockDescriptor(LockDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)), generation_(other.generation_) {}
  LockDescriptor& operator=(LockDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(generation_, other.generation_);
    return *this;
  }
  LockDescriptor(const LockDescriptor&) = delete;
  LockDescriptor& operator=(const LockDescriptor&) = delete;
  ~LockDescriptor() { reset(); }

  /// open(2), with O_CLOEXEC. Without a file on failure; errno says why.
  static LockDescriptor open(const char* path, int flags, mode_t mode = 0);

  /// Closes. Whoever holds a lock releases it explicitly before: a child that is just being forked may hold the description too.
  void reset() noexcept;
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
  std::uint32_t generation_ = 0;
};

}  // namespace zeroduplex::platform
