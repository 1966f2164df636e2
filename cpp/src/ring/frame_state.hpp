#pragma once

#include <zeroduplex/generated/wire.hpp>

#include "ring/atomic_fields.hpp"

namespace zeroduplex::ring {

/// The state of a frame is the one field that hands the frame's bytes from one side to the other.
[[nodiscard]] inline wire::FrameState load_state(const wire::FrameHeaderV2& header) noexcept {
  return static_cast<wire::FrameState>(load_acquire(header.state));
}

inline void store_state(wire::FrameHeaderV2& header, wire::FrameState state) noexcept {
  store_release(header.state, static_cast<std::int32_t>(state));
}

inline bool swap_state(wire::FrameHeaderV2& header, wire::FrameState from, wire::FrameState to) noexcept {
  return compare_and_swap(header.state, static_cast<std::int32_t>(from), static_cast<std::int32_t>(to));
}

}  // namespace zeroduplex::ring
