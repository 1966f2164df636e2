#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>

namespace zeroduplex::platform {

/// CLOCK_MONOTONIC.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// The same clock as of the last timer tick: some milliseconds stale, but without reading the hardware. For calls that never wait.
inline TimePoint coarse_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

inline timespec to_timespec(TimePoint at) noexcept {
  const auto since_epoch = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
  return {.tv_sec = seconds.count(), .tv_nsec = (since_epoch - seconds).count()};
}

/// `from + timeout`, at the end of time where that would overflow.
inline TimePoint deadline_after(TimePoint from, std::chrono::nanoseconds timeout) noexcept {
  return timeout > TimePoint::max() - from ? TimePoint::max() : from + timeout;
}

}  // namespace zeroduplex::platform
