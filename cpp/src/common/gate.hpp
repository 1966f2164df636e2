#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include <zeroduplex/error.hpp>

#include "common/signal.hpp"
#include "platform/clock.hpp"
#include "platform/fork.hpp"

namespace zeroduplex::detail {

/// The mutex of something that several threads use and one may close meanwhile. Calls leave it to spin, to sleep and to copy, and
/// closing waits until they are back. A forked child does not get in.
class Gate {
 public:
  using Lock = std::unique_lock<std::mutex>;
  class Outside;

  /// Whether this process is a forked child, to which nothing behind the gate belongs.
  [[nodiscard]] bool is_foreign() const noexcept { return fork_generation_ != platform::fork_generation(); }

  /// `name` is for the ClosedError of a forked child.
  [[nodiscard]] Lock enter(const std::string& name) {
    // Before the mutex: another thread of the parent may have held it at the fork.
    if (is_foreign()) throw ClosedError("'" + name + "' was opened before fork() and belongs to the parent process");
    return Lock(mutex_);
  }
  /// For calls that must not throw and have looked whether they are in a forked child.
  [[nodiscard]] Lock enter_own() noexcept { return Lock(mutex_); }

  /// Lets nobody in any more, as far as callers ask is_closed(). False: it was shut before.
  bool shut() noexcept {
    interrupt();
    return !std::exchange(closed_, true);
  }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  void wait_until_all_are_back(Lock& lock) {
    all_inside_.wait(lock, [this] { return outside_ == 0; });
  }

  /// Sleeps on `wake` as one who is outside.
  void wait(Lock& lock, Signal& wake, platform::TimePoint until) {
    ++outside_;
    wake.wait_until(lock, until);
    come_back();
  }

  /// Makes spinning calls look again. Readable outside of the mutex.
  void interrupt() noexcept { interrupts_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t interrupts() const noexcept { return interrupts_.load(std::memory_order_relaxed); }

 private:
  void come_back() noexcept {
    if (--outside_ == 0 && closed_) all_inside_.notify_all();
  }

  const std::uint32_t fork_generation_ = platform::fork_generation();
  std::mutex mutex_;
  std::condition_variable all_inside_;
  std::uint32_t outside_ = 0;  // calls that left the mutex and will be back
  bool closed_ = false;
  std::atomic<std::uint32_t> interrupts_{0};
};

/// Leaves the mutex for a while.
class Gate::Outside {
 public:
  Outside(Gate& gate, Lock& lock) : gate_(gate), lock_(lock) {
    ++gate_.outside_;
    lock_.unlock();
  }
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;
  ~Outside() {
    lock_.lock();
    gate_.come_back();
  }

 private:
  Gate& gate_;
  Lock& lock_;
};

}  // namespace zeroduplex::detail
