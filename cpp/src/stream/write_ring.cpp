#include "stream/write_ring.hpp"

#include <algorithm>
#include <string>

#include <zeroduplex/error.hpp>

#include "ring/atomic_fields.hpp"

namespace zeroduplex::stream {

namespace {

constexpr std::uint64_t header = wire::frame_header_v1_size;

/// Whether a frame may end there: published readers misread a rest that is too short for a marker.
constexpr bool leaves_a_sound_rest(std::uint64_t room, std::uint64_t total) noexcept {
  return total == room || (total < room && room - total >= header);
}

}  // namespace

WriteRing::WriteRing(const Buffer& buffer)
    : buffer_(buffer),
      position_(ring::load_acquire(buffer.info().payload_write_pos)),
      written_count_(ring::load_acquire(buffer.info().payload_written_count)) {
  if (position_ > buffer_.payload_size()) {
    throw CorruptedError("the write position " + std::to_string(position_) + " is beyond a payload of " +
                         std::to_string(buffer_.payload_size()));
  }
  // What some writers leave behind after a frame that ends with the payload.
  if (position_ == buffer_.payload_size()) position_ = 0;
  static_cast<void>(free_bytes());
}

void WriteRing::check_size(std::uint64_t size) const {
  if (size == 0) throw InvalidFrameSizeError("a frame of 0 bytes is wanted");
  const std::uint64_t payload = buffer_.payload_size();
  if (size > wire::max_frame_data) {
    throw FrameTooLargeError("a frame of " + std::to_string(size) + " bytes exceeds the protocol's limit of " +
                             std::to_string(wire::max_frame_data));
  }
  const std::string frame = "a frame of " + std::to_string(header) + " + " + std::to_string(size) + " bytes ";
  if (header + size > payload) throw FrameTooLargeError(frame + "can never fit a payload of " + std::to_string(payload));
  if (!leaves_a_sound_rest(payload, header + size)) {
    throw FrameTooLargeError(frame + "would leave " + std::to_string(payload - header - size) + " bytes of a payload of " +
                             std::to_string(payload) + ", too few for a wrap marker, and published readers would misread them");
  }
}

Place WriteRing::place(std::uint64_t size) const {
  const std::uint64_t total = header + size;
  const std::uint64_t room = room_here();
  if (leaves_a_sound_rest(room, total)) return {.position = position_, .size = size, .waste = 0};
  if (total > position_) {
    throw FrameUnplaceableError("a frame of " + std::to_string(header) + " + " + std::to_string(size) + " bytes fits neither the " +
                                std::to_string(room) + " bytes behind position " + std::to_string(position_) + " nor the " +
                                std::to_string(position_) + " before it");
  }
  return {.position = 0, .size = size, .waste = room};
}

std::uint64_t WriteRing::largest_placeable(std::uint64_t most) const noexcept {
  const std::uint64_t payload = buffer_.payload_size();
  if (payload < header) return 0;
  const auto cut = [](std::uint64_t total, std::uint64_t room) {
    if (leaves_a_sound_rest(room, total)) return total;
    return total > room ? room : room - std::min(room, header);
  };
  // What no frame of this buffer may have, then what does not fit behind the position.
  const std::uint64_t total = cut(header + std::min(most, wire::max_frame_data), payload);
  std::uint64_t here = cut(total, room_here());
  if (!leaves_a_sound_rest(payload, here)) here = room_here() - header;
  // A frame before the position leaves a sound rest behind that.
  const std::uint64_t at_start = std::min({total, position_, payload - header});
  return largest_frame(std::max(here, at_start));
}

std::uint64_t WriteRing::free_bytes() const {
  // Acquire: pairs with the reader's read-modify-write in ReadRing: what it has released it does not read any more.
  const std::uint64_t free = ring::load_acquire(buffer_.info().payload_free_bytes);
  if (free > buffer_.payload_size()) {
    throw CorruptedError(std::to_string(free) + " bytes are said to be free in a payload of " +
                         std::to_string(buffer_.payload_size()));
  }
  return free;
}

std::uint64_t WriteRing::publish(const Place& place) noexcept {
  wire::OiebV1& info = buffer_.info();
  // A marker counts if it is written, and a rest that is too short for one does not.
  if (place.waste >= header) {
    buffer_.store_header(position_, wire::FrameHeaderV1{});
    ++written_count_;
  }
  buffer_.store_header(place.position, {.payload_size = place.size, .sequence_number = sequence_});
  ++written_count_;
  position_ = place.position + place.total();
  if (position_ == buffer_.payload_size()) position_ = 0;
  ring::store_release(info.payload_write_pos, position_);
  // The one field that both sides change.
  std::atomic_ref(info.payload_free_bytes).fetch_sub(place.need(), std::memory_order_acq_rel);
  // Pairs with the reader's acquire load in ReadRing::has_unread(): who sees the count sees header and data.
  ring::store_release(info.payload_written_count, written_count_);
  return sequence_++;
}

}  // namespace zeroduplex::stream
