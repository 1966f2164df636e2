#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

namespace bench {

/// Reads monotonic time and knows what one reading costs: the median of 100 readings that follow each other at once, the least of
/// ten such. What slows the machine down for a moment must not be taken off every sample.
class Clock {
 public:
  Clock() {
    std::vector<std::int64_t> gaps(100);
    for (int round = 0; round < 10; ++round) {
      std::int64_t before = now();
      for (std::int64_t& gap : gaps) {
        const std::int64_t next = now();
        gap = next - before;
        before = next;
      }
      std::sort(gaps.begin(), gaps.end());
      cost_ = std::min(cost_, gaps[gaps.size() / 2]);
    }
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
  std::int64_t cost_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace bench
