#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "bench_clock.hpp"

namespace bench {

/// What copying a frame's bytes takes within one thread, between the same two buffers.
class Copies {
 public:
  explicit Copies(std::size_t size) : from_(size, 1), to_(size, 2) {}

  /// Takes up to 16 samples and touches not much more than 16 MiB. Small copies are timed in runs of 64 KiB.
  void batch(const Clock& clock) {
    constexpr std::size_t run = 1U << 16U;
    constexpr std::size_t most = 1U << 24U;
    if (from_.empty()) return;
    const std::size_t repeat = std::max<std::size_t>(1, run / from_.size());
    for (std::size_t left = std::clamp<std::size_t>(most / (repeat * from_.size()), 1, 16); left > 0; --left) {
      const std::int64_t before = clock.now();
      for (std::size_t i = 0; i < repeat; ++i) {
        std::memcpy(to_.data(), from_.data(), from_.size());
        asm volatile("" : : "r"(to_.data()) : "memory");  // somebody might look at every copy
      }
      samples.push_back(clock.sample(before, clock.now()) / static_cast<std::int64_t>(repeat));
    }
  }

  std::vector<std::int64_t> samples;

 private:
  std::vector<unsigned char> from_, to_;
};

}  // namespace bench
