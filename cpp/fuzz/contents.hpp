#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace zeroduplex::fuzz {

/// Gives every byte the low one of a number, so that what arrives can be told from what was sent before it.
inline void fill(std::span<std::byte> data, std::uint64_t with) {
  std::fill(data.begin(), data.end(), static_cast<std::byte>(with));
}

inline bool is_filled(std::span<const std::byte> data, std::uint64_t with) {
  return std::all_of(data.begin(), data.end(), [&](std::byte b) { return b == static_cast<std::byte>(with); });
}

}  // namespace zeroduplex::fuzz
