#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

/// What a stress server and a stress client agree on, in every language. Byte i of frame n is (n + i) mod 256 as a request and that
/// XOR 0xFF as a response. Bits of the opcode ask for more.
namespace stress {

inline constexpr std::uint32_t delay_mask = 0xFFFF;      // microseconds that the handler sleeps before it answers
inline constexpr std::uint32_t opcode_grow = 1U << 16U;  // resize the response to the frame's capacity
inline constexpr std::uint32_t opcode_fail = 1U << 17U;  // fail with status_asked
inline constexpr std::int32_t status_asked = 7;
inline constexpr std::int32_t status_wrong = 8;  // the request's bytes were not what they should be
inline constexpr std::uint8_t answer_mask = 0xFF;

inline std::byte expected(std::uint64_t sequence, std::size_t i, std::uint8_t mask) {
  return static_cast<std::byte>(static_cast<std::uint8_t>(sequence + i) ^ mask);
}

/// Writes the pattern of a frame, from byte `first` on.
inline void fill(std::span<std::byte> data, std::uint64_t sequence, std::size_t first, std::uint8_t mask) {
  for (std::size_t i = first; i < data.size(); ++i) data[i] = expected(sequence, i, mask);
}

/// The first byte that does not follow the pattern.
inline std::optional<std::size_t> mismatch(std::span<const std::byte> data, std::uint64_t sequence, std::uint8_t mask) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] != expected(sequence, i, mask)) return i;
  }
  return std::nullopt;
}

}  // namespace stress
