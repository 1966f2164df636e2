#pragma once

#include <cstddef>
#include <cstdint>

#include <zeroduplex/generated/wire.hpp>

#include "stream/buffer.hpp"

namespace zeroduplex::stream {

/// Where a frame goes.
struct Place {
  std::uint64_t position = 0;
  std::uint64_t size = 0;
  /// Bytes between the present position and the payload's end that the frame leaves unused, because it goes to the start.
  std::uint64_t waste = 0;

  [[nodiscard]] std::uint64_t total() const noexcept { return wire::frame_header_v1_size + size; }
  /// Free bytes that it takes.
  [[nodiscard]] std::uint64_t need() const noexcept { return waste + total(); }
};

/// The writer's end of a v1 ring. Position and counts are its own; of shared memory it reads nothing but the free bytes, and
/// nothing is written there but a frame's own data until it is published. Knows nothing of semaphores, pids and time. Not
/// thread-safe.
class WriteRing {
 public:
  /// Goes on where the last writer stopped. Throws CorruptedError.
  explicit WriteRing(const Buffer& buffer);

  /// Throws InvalidFrameSizeError and FrameTooLargeError for sizes that this buffer never takes.
  void check_size(std::uint64_t size) const;
  /// Where a frame of a size that check_size() let pass goes. Throws FrameUnplaceableError.
  [[nodiscard]] Place place(std::uint64_t size) const;
  /// The largest frame of at most so many bytes that can be placed at the present position once the ring is empty.
  [[nodiscard]] std::uint64_t largest_placeable(std::uint64_t most) const noexcept;

  /// Throws CorruptedError.
  [[nodiscard]] std::uint64_t free_bytes() const;
  [[nodiscard]] std::byte* data_at(const Place& place) const noexcept { return buffer_.data_at(place.position); }

  /// Publishes the frame that was filled there. Returns its sequence number.
  std::uint64_t publish(const Place& place) noexcept;

 private:
  [[nodiscard]] std::uint64_t room_here() const noexcept { return buffer_.payload_size() - position_; }

  Buffer buffer_;
  std::uint64_t position_;
  std::uint64_t written_count_;
  std::uint64_t sequence_ = wire::first_sequence;
};

}  // namespace zeroduplex::stream
