#pragma once

#include <algorithm>
#include <chrono>

#include <zeroduplex/generated/wire.hpp>
#include <zeroduplex/options.hpp>

#include "platform/clock.hpp"
#include "platform/cpu.hpp"

namespace zeroduplex::detail {

/// Why a spin loop ended.
enum class SpinEnd : std::uint8_t { changed, interrupted, time };

/// Spins until `changed()`, which is looked at all the time, or `interrupted()`, looked at now and then, or until `limit`. Reads
/// the clock rarely, and not at all when the change comes soon.
template <typename Changed, typename Interrupted>
SpinEnd spin(platform::TimePoint limit, Changed changed, Interrupted interrupted) {
  // Looking all the time would take the cache line away from the peer that is about to write it.
  constexpr unsigned pauses_per_look = 2;
  constexpr unsigned looks_per_check = 64;  // some microseconds
  for (;;) {
    for (unsigned i = 0; i < looks_per_check; ++i) {
      if (changed()) return SpinEnd::changed;
      for (unsigned p = 0; p < pauses_per_look; ++p) platform::pause();
    }
    if (interrupted()) return SpinEnd::interrupted;
    if (platform::Clock::now() >= limit) return SpinEnd::time;
  }
}

/// The end of the sleep that begins now: a slice, or what is left of the deadline.
inline platform::TimePoint end_of_slice(platform::TimePoint now, platform::TimePoint deadline) noexcept {
  return std::min(deadline, now + wire::default_v2_wait_slice);
}

}  // namespace zeroduplex::detail
