#pragma once

#include <chrono>

#include <zeroduplex/error.hpp>

#include "platform/clock.hpp"

namespace zeroduplex::detail {

inline void check_timeout(std::chrono::nanoseconds timeout) {
  if (timeout.count() < 0) throw InvalidArgumentError("a timeout is negative");
}

/// The patience of one call. The clock is read when the call first has to wait, so a call that does not wait never reads it.
class Wait {
 public:
  explicit Wait(std::chrono::nanoseconds timeout) noexcept : timeout_(timeout) {}

  /// Starts the clock, unless it runs.
  void start(platform::TimePoint now) noexcept {
    if (started_) return;
    started_ = true;
    begin_ = now;
    deadline_ = platform::deadline_after(now, timeout_);
  }
  [[nodiscard]] platform::TimePoint begin() const noexcept { return begin_; }
  [[nodiscard]] platform::TimePoint deadline() const noexcept { return deadline_; }
  [[nodiscard]] bool is_over(platform::TimePoint now) const noexcept { return now >= deadline_; }

 private:
  std::chrono::nanoseconds timeout_;
  bool started_ = false;
  platform::TimePoint begin_;
  platform::TimePoint deadline_;
};

}  // namespace zeroduplex::detail
