#pragma once

#include <semaphore.h>

#include <chrono>

#include "platform/clock.hpp"

namespace zeroduplex::detail {

/// What one thread sleeps on until others of its process have news. Needs no mutex of its own and allocates nothing; both ends are
/// used under the mutex that protects the news. It may wake without news.
class Signal {
 public:
  Signal() noexcept { ::sem_init(&semaphore_, 0, 0); }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal() { ::sem_destroy(&semaphore_); }

  void notify() noexcept { ::sem_post(&semaphore_); }

  /// Leaves the mutex while it sleeps.
  template <typename Lock>
  void wait_until(Lock& lock, platform::TimePoint until) {
    const timespec at = platform::to_timespec(until);
    lock.unlock();
    static_cast<void>(::sem_clockwait(&semaphore_, CLOCK_MONOTONIC, &at));
    lock.lock();
  }

 private:
  sem_t semaphore_{};
};

}  // namespace zeroduplex::detail
