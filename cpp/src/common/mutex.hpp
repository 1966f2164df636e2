#pragma once

#include <atomic>
#include <cstdint>

#include "platform/cpu.hpp"

namespace zeroduplex::detail {

/// A mutex whose uncontended way is two instructions and no call: a round trip takes several, and they are a good part of it.
/// For std::unique_lock and std::condition_variable_any.
class Mutex {
 public:
  Mutex() noexcept = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() noexcept {
    std::uint32_t free = unlocked;
    // Pairs with the release in unlock(), here and below.
    if (!state_.compare_exchange_strong(free, locked, std::memory_order_acquire, std::memory_order_relaxed)) [[unlikely]] {
      lock_slowly();
    }
  }
  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t free = unlocked;
    return state_.compare_exchange_strong(free, locked, std::memory_order_acquire, std::memory_order_relaxed);
  }
  void unlock() noexcept {
    if (state_.exchange(unlocked, std::memory_order_release) == contended) [[unlikely]] {
      state_.notify_one();
    }
  }

 private:
  static constexpr std::uint32_t unlocked = 0;
  static constexpr std::uint32_t locked = 1;
  static constexpr std::uint32_t contended = 2;  // locked, and somebody may sleep

  [[gnu::noinline]] void lock_slowly() noexcept {
    constexpr unsigned looks = 100;  // critical sections are shorter than a sleep and a wake-up
    for (unsigned i = 0; i < looks; ++i) {
      if (state_.load(std::memory_order_relaxed) == unlocked && try_lock()) return;
      platform::pause();
    }
    while (state_.exchange(contended, std::memory_order_acquire) != unlocked) {
      state_.wait(contended, std::memory_order_relaxed);
    }
  }

  std::atomic<std::uint32_t> state_{unlocked};
};

}  // namespace zeroduplex::detail
