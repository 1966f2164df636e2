#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <zeroduplex/generated/wire.hpp>

namespace zeroduplex::fuzz {

/// What a server must make of the memory when it looks for a request.
struct Outlook {
  enum class Kind : std::uint8_t { nothing, request, cancelled, corrupt };

  Kind kind = Kind::nothing;
  std::uint64_t position = 0;  // of the header
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;
  std::uint64_t capacity = 0;
  std::uint32_t opcode = 0;
  bool one_way = false;

  bool operator==(const Outlook&) const = default;
};

/// PROTOCOL.md's rules for the server's cursor once more, on a copy of a segment that nobody else changes and for a handler that
/// zeroes its data. Shares no code with the library, so that what the library does not check is seen.
class Foresight {
 public:
  explicit Foresight(const wire::SegmentV2& layout) noexcept : layout_(layout) {}

  /// What comes next, and what the server then does to the copy.
  Outlook look(std::span<std::byte> segment);

  [[nodiscard]] std::uint64_t cursor() const noexcept { return cursor_; }
  /// Frames passed.
  [[nodiscard]] std::uint64_t passed() const noexcept { return passed_; }

 private:
  Outlook read(std::span<std::byte> payload, std::uint64_t written_bytes);

  wire::SegmentV2 layout_;
  std::uint64_t cursor_ = 0;  // cumulative
  std::uint64_t passed_ = 0;
  std::uint64_t seen_ = 0;
};

}  // namespace zeroduplex::fuzz
