#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>

#include <zeroduplex/generated/wire.hpp>
#include <zeroduplex/options.hpp>

#include "platform/clock.hpp"
#include "platform/cpu.hpp"

namespace zeroduplex::detail {

/// Why a spin loop ended.
enum class SpinEnd : std::uint8_t { changed, interrupted, time };

/// How long a waiter lets the peer work before it looks for the first time, learnt from whether that look came too early. Each look
/// takes the cache line away from the peer, which is about to write it and has to fetch it back: looks that come too early cost as
/// much as the rest of a round trip. Thread-safe: a hint, shared by all that wait for the same thing.
class Patience {
 public:
  /// Lets the peer work.
  void wait() const noexcept { platform::delay(steps_.load(std::memory_order_relaxed)); }
  /// Whether the first look found what it was for.
  void learn(bool found) noexcept {
    const std::uint32_t steps = steps_.load(std::memory_order_relaxed);
    if (found ? steps > 0 : steps < longest) {
      steps_.store(found ? steps - 1 : std::min(steps + impatience, longest), std::memory_order_relaxed);
    }
  }

 private:
  // About a microsecond: whoever waits longer does not wait for a cache line.
  static constexpr std::uint32_t longest = 400;
  // What a look that came too early adds; one that did not takes 1 away. So two looks of three find what they are for. Much more
  // and the two sides of a channel, each of which waits for the other, would lengthen each other's waits.
  static constexpr std::uint32_t impatience = 2;
  std::atomic<std::uint32_t> steps_{0};
};

/// Spins until `changed()`, which is looked at all the time, or `interrupted()`, looked at now and then, or until the time that
/// `limit` gives. It gets the time now, once, when the first looks were in vain: what comes soon costs no reading of the clock.
template <typename Changed, typename Interrupted, typename Limit>
SpinEnd spin(Patience& patience, Changed changed, Interrupted interrupted, Limit limit) {
  constexpr unsigned looks_per_check = 64;  // some microseconds
  patience.wait();
  bool found = changed();
  patience.learn(found);
  std::optional<platform::TimePoint> end;
  for (;;) {
    for (unsigned i = 0; i < looks_per_check && !found; ++i) {
      platform::pause();
      found = changed();
    }
    if (found) return SpinEnd::changed;
    if (interrupted()) return SpinEnd::interrupted;
    const platform::TimePoint now = platform::Clock::now();
    if (!end) end = limit(now);
    if (now >= *end) return SpinEnd::time;
    std::this_thread::yield();  // the peer may be waiting for this very processor
  }
}

/// The end of the sleep that begins now: a slice, or what is left of the deadline.
inline platform::TimePoint end_of_slice(platform::TimePoint now, platform::TimePoint deadline) noexcept {
  return std::min(deadline, now + wire::default_v2_wait_slice);
}

/// The end of a spin that begins now: a slice, which a hybrid waiter cuts to its spin window, or what is left of the deadline.
inline platform::TimePoint end_of_spin(WaitStrategy strategy, std::chrono::nanoseconds window, platform::TimePoint now,
                                       platform::TimePoint deadline) noexcept {
  const platform::TimePoint end = end_of_slice(now, deadline);
  return strategy == WaitStrategy::hybrid ? std::min(end, now + window) : end;
}

}  // namespace zeroduplex::detail
