#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <zeroduplex/generated/wire.hpp>

#include "ring/segment.hpp"

namespace zeroduplex::ring {

/// What the first eight bytes of a segment say.
enum class Identity : std::uint8_t { not_ready, v1, v2, other_version, foreign };

[[nodiscard]] Identity identify(std::uint64_t word) noexcept;
/// "protocol version 2.0.0" or, for what is no segment, the bytes.
[[nodiscard]] std::string describe_identity(std::uint64_t word);

/// Fills both blocks of a new segment, whose memory is zeroed, except for the identity of the request block.
void initialise(const Segment& segment, std::uint64_t server_pid) noexcept;
/// Stores that identity: from now on clients may attach.
void publish_identity(const Segment& segment) noexcept;

/// The identity word of the segment that begins at `memory`, at least 8 bytes.
[[nodiscard]] std::uint64_t load_identity(std::span<const std::byte> memory) noexcept;
/// Checks everything that a client relies on, after the identity was found to be v2. The memory must be exactly as long as the
/// sizes in it say, or at least as long if it is a view. Throws CorruptedError, VersionMismatchError.
[[nodiscard]] wire::SegmentV2 validate(std::span<const std::byte> memory, bool is_view);

}  // namespace zeroduplex::ring
