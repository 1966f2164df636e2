#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include "platform/clock.hpp"

namespace zeroduplex::detail {

/// There is nothing to sleep on while a peer comes up, so waiting for one polls, ever more slowly.
class Backoff {
 public:
  explicit Backoff(std::chrono::microseconds longest) : longest_(longest) {}

  /// Naps. False when the deadline has passed.
  bool nap(platform::TimePoint deadline) {
    const platform::TimePoint now = platform::Clock::now();
    if (now >= deadline) return false;
    std::this_thread::sleep_until(std::min(deadline, now + next_));
    next_ = std::min(next_ * 2, longest_);
    return true;
  }

 private:
  std::chrono::microseconds next_{20};
  std::chrono::microseconds longest_;
};

/// Long enough to cost nothing, short enough that nobody notices.
inline constexpr std::chrono::microseconds longest_connect_nap{5000};

}  // namespace zeroduplex::detail
