#pragma once

#include <semaphore.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <string>

#include <zeroduplex/generated/wire.hpp>

#include "platform/birth.hpp"
#include "platform/clock.hpp"
#include "platform/mapping.hpp"

namespace zeroduplex::platform {

/// A named semaphore, mapped by hand: sem_open would also open one that is still being built. Thread-safe.
class NamedSemaphore {
 public:
  /// Puts a new semaphore of value 0 in place of whatever had the name. It is complete before it becomes visible. `temporary` is
  /// the path where it is built. Throws OutOfMemoryError, PermissionDeniedError, SystemError.
  static NamedSemaphore replace(const std::string& name, const std::string& temporary, mode_t mode);
  /// Maps an existing one. Without a semaphore when there is none of this name. Throws CorruptedError when the file is no
  /// semaphore, UnsupportedPlatformError when it has another libc's layout, PermissionDeniedError.
  static NamedSemaphore open(const std::string& name, bool allow_other_users);

  NamedSemaphore() noexcept = default;
  explicit operator bool() const noexcept { return !mapping_.bytes().empty(); }

  /// The protocol's one posting rule, for a caller that has changed the state a sleeper looks at and then passed a sequentially
  /// consistent fence. A token that is already there will make the next sleeper look, so tokens stay bounded and a peer that spins
  /// costs nothing. Pairs with wait_until() and the fence behind it.
  void post_if_zero() noexcept {
    if (value() == 0) ::sem_post(semaphore());
  }

  /// v1's rule for the writer: one token per frame, always. False: there are as many as can be.
  [[nodiscard]] bool post() noexcept { return ::sem_post(semaphore()) == 0; }
  /// v1's rule for the reader: a token per released frame, unless so many are there that a writer finds one and does not sleep. The
  /// caller has passed a fence as for post_if_zero().
  void post_below(std::uint32_t limit) noexcept {
    if (value() < limit) ::sem_post(semaphore());
  }
  /// Takes a token that is there, without sleeping.
  [[nodiscard]] bool try_take() noexcept { return ::sem_trywait(semaphore()) == 0; }

  /// Sleeps until it took a token (true), or the deadline passed or a signal came (false). Either way the caller passes a
  /// sequentially consistent fence before it looks again: taking the token is only an acquire.
  bool wait_until(TimePoint deadline) noexcept;

  [[nodiscard]] std::uint32_t value() const noexcept {
    auto* word = reinterpret_cast<std::uint64_t*>(mapping_.bytes().data());
    return static_cast<std::uint32_t>(std::atomic_ref(*word).load(std::memory_order_relaxed));
  }

  [[nodiscard]] const Birth& born() const noexcept { return born_; }
  /// Unlinks the name if it still leads to this semaphore.
  void remove() noexcept;

 private:
  NamedSemaphore(std::string name, int fd, const struct stat& file);
  [[nodiscard]] sem_t* semaphore() const noexcept { return reinterpret_cast<sem_t*>(mapping_.bytes().data()); }

  std::string name_;
  Mapping mapping_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  Birth born_;
};

}  // namespace zeroduplex::platform
