#pragma once

#include <cstdint>

namespace zeroduplex::ring {

/// A cumulative ring offset. Kept in two parts, since dividing by the payload's size costs more than all else that a call computes.
class RingOffset {
 public:
  [[nodiscard]] constexpr std::uint64_t cumulative() const noexcept { return lap_ + position_; }
  [[nodiscard]] constexpr std::uint64_t position() const noexcept { return position_; }

  /// Moves on by bytes that do not reach beyond the payload's end.
  constexpr void advance(std::uint64_t bytes, std::uint64_t payload_size) noexcept {
    position_ += bytes;
    if (position_ == payload_size) begin_lap(payload_size);
  }
  /// Moves on to the next multiple of the payload's size.
  constexpr void begin_lap(std::uint64_t payload_size) noexcept {
    lap_ += payload_size;
    position_ = 0;
  }

 private:
  std::uint64_t lap_ = 0;  // a multiple of the payload's size
  std::uint64_t position_ = 0;
};

}  // namespace zeroduplex::ring
