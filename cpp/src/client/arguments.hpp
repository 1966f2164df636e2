#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>

#include "ring/segment.hpp"

namespace zeroduplex::detail {

/// A waiter that took a token and found nothing looks at its peer, but not more often than this: nobody waits out a slice after an
/// orderly close, and many wake-ups do not mean many system calls.
inline constexpr std::chrono::milliseconds look_again_after_wake{1};

/// The capacity that a frame gets, of the sizes asked for. Throws InvalidArgumentError, FrameTooLargeError.
inline std::uint64_t capacity_for(std::size_t size, std::size_t capacity) {
  const std::size_t most = std::max(size, capacity);
  if (most > wire::max_frame_data) {
    throw FrameTooLargeError("a frame of " + std::to_string(most) + " bytes exceeds the protocol's limit of " +
                             std::to_string(wire::max_frame_data));
  }
  if (capacity != 0 && capacity < size) {
    throw InvalidArgumentError("a capacity of " + std::to_string(capacity) + " bytes is less than the request's " +
                               std::to_string(size));
  }
  return ring::round_up(most);
}

}  // namespace zeroduplex::detail
