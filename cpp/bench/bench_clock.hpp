#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace bench {

/// Reads monotonic time and knows what one reading costs: the median of 1000 readings that follow each other at once.
class Clock {
 public:
  Clock() {
    std::vector<std::int64_t> gaps(1000);
    std::int64_t before = now();
    for (std::int64_t& gap : gaps) {
      const std::int64_t next = now();
      gap = next - before;
      before = next;
    }
    std::sort(gaps.begin(), gaps.end());
    cost_ = gaps[gaps.size() / 2];
  }

  /// Nanoseconds of an unspecified epoch.
  [[nodiscard]] std::int64_t now() const {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  [[nodiscard]] std::int64_t cost() const { return cost_; }
  /// The time between two readings without the reading itself.
  [[nodiscard]] std::int64_t sample(std::int64_t from, std::int64_t to) const {
    return std::max<std::int64_t>(0, to - from - cost_);
  }

 private:
  std::int64_t cost_ = 0;
};

}  // namespace bench
