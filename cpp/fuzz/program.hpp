#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <zeroduplex/generated/wire.hpp>

namespace zeroduplex::fuzz {

/// A word of 4 or 8 bytes in shared memory, which may change at any moment.
class Word {
 public:
  Word(std::byte* at, std::size_t width) noexcept : at_(at), width_(width) {}

  [[nodiscard]] std::uint64_t load() const noexcept {
    if (width_ == 4) return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(at_)).load();
    return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(at_)).load();
  }
  void store(std::uint64_t value) const noexcept {
    if (width_ == 4) {
      std::atomic_ref(*reinterpret_cast<std::uint32_t*>(at_)).store(static_cast<std::uint32_t>(value));
    } else {
      std::atomic_ref(*reinterpret_cast<std::uint64_t*>(at_)).store(value);
    }
  }

 private:
  std::byte* at_;
  std::size_t width_;
};

/// Where a field lies in its struct.
struct Field {
  std::size_t offset;
  std::size_t width;
};

inline constexpr std::array block_fields{
    Field{wire::oieb_v2_oieb_size_offset, 4},
    Field{wire::oieb_v2_version_offset, 4},
    Field{wire::oieb_v2_metadata_size_offset, 8},
    Field{wire::oieb_v2_metadata_free_bytes_offset, 8},
    Field{wire::oieb_v2_metadata_written_bytes_offset, 8},
    Field{wire::oieb_v2_payload_size_offset, 8},
    Field{wire::oieb_v2_payload_free_bytes_offset, 8},
    Field{wire::oieb_v2_payload_written_bytes_offset, 8},
    Field{wire::oieb_v2_payload_written_count_offset, 8},
    Field{wire::oieb_v2_payload_read_count_offset, 8},
    Field{wire::oieb_v2_writer_pid_offset, 8},
    Field{wire::oieb_v2_reader_pid_offset, 8},
};

inline constexpr std::array header_fields{
    Field{wire::frame_header_v2_payload_size_offset, 8}, Field{wire::frame_header_v2_sequence_number_offset, 8},
    Field{wire::frame_header_v2_capacity_offset, 8},     Field{wire::frame_header_v2_state_offset, 4},
    Field{wire::frame_header_v2_status_offset, 4},       Field{wire::frame_header_v2_request_size_offset, 8},
    Field{wire::frame_header_v2_opcode_offset, 4},       Field{wire::frame_header_v2_flags_offset, 4},
    Field{wire::frame_header_v2_reserved_offset, 8},
};

/// Of a v1 buffer's block.
inline constexpr std::array stream_fields{
    Field{wire::oieb_v1_oieb_size_offset, 4},
    Field{wire::oieb_v1_version_offset, 4},
    Field{wire::oieb_v1_metadata_size_offset, 8},
    Field{wire::oieb_v1_metadata_free_bytes_offset, 8},
    Field{wire::oieb_v1_metadata_written_bytes_offset, 8},
    Field{wire::oieb_v1_payload_size_offset, 8},
    Field{wire::oieb_v1_payload_free_bytes_offset, 8},
    Field{wire::oieb_v1_payload_write_pos_offset, 8},
    Field{wire::oieb_v1_payload_read_pos_offset, 8},
    Field{wire::oieb_v1_payload_written_count_offset, 8},
    Field{wire::oieb_v1_payload_read_count_offset, 8},
    Field{wire::oieb_v1_writer_pid_offset, 8},
    Field{wire::oieb_v1_reader_pid_offset, 8},
};

/// A fuzzer's input, read as a sequence of decisions. When it has run out every decision is 0.
class Program {
 public:
  explicit Program(std::span<const std::uint8_t> input) noexcept : rest_(input) {}

  [[nodiscard]] bool more() const noexcept { return !rest_.empty(); }

  std::uint8_t byte() noexcept {
    if (rest_.empty()) return 0;
    const std::uint8_t next = rest_.front();
    rest_ = rest_.subspan(1);
    return next;
  }

  /// One of `count` possibilities.
  std::uint64_t below(std::uint64_t count) noexcept {
    const std::uint64_t first = byte();
    return (count <= 256 ? first : first << 8 | byte()) % count;
  }

  std::uint64_t raw() noexcept {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }

  /// What to store where `current` stands in a segment with this payload: mostly values at the borders of what is right.
  std::uint64_t value(std::uint64_t current, std::uint64_t payload) noexcept {
    const std::uint8_t kind = byte();
    const std::uint64_t small = byte();
    const std::uint64_t near = small - (small >= 128 ? 256U : 0U);
    switch (kind % 12) {
      case 0:
      case 1:
        return small;
      case 2:
      case 3:
        return current + near * wire::block_alignment;
      case 4:
        return current + near;
      case 5:
        return payload + near * wire::block_alignment;
      case 6:
        return payload * (small % 8) + current;
      case 7:
        return std::uint64_t{1} << (small % 64);
      case 8:
        return (std::uint64_t{1} << (small % 64)) - 1;
      case 9:
        return 0 - small;
      case 10:
        return small % 9;  // states and flags
      default:
        return raw();
    }
  }

  /// One of the fields of a struct at `base`.
  template <std::size_t N>
  Word field(const std::array<Field, N>& fields, void* base) noexcept {
    const Field& chosen = fields[below(N)];
    return {static_cast<std::byte*>(base) + chosen.offset, chosen.width};
  }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace zeroduplex::fuzz
