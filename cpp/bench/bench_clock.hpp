#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

namespace bench {

/// Reads monotonic time and knows what one reading costs: the median of 100 readings that follow each other at once, the least of
/// ten such, and of more while it seems slow. What slows the machine down for a moment must not be taken off every sample.
class Clock {
 public:
  Clock() {
    std::vector<std::int64_t> gaps(100);
    const std::int64_t begin = now();
    for (int round = 0; round < 10 || (cost_ > slow_reading && now() - begin < patience); ++round) {
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
  // Nanoseconds. A reading takes some 50, but those of virtual machines were seen to take 500 for up to 65 ms at a time.
  static constexpr std::int64_t slow_reading = 300;
  static constexpr std::int64_t patience = 200'000'000;

  std::int64_t cost_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace bench
