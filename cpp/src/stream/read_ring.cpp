#include "stream/read_ring.hpp"

#include <string>

#include <zeroduplex/error.hpp>

#include "ring/atomic_fields.hpp"

namespace zeroduplex::stream {

namespace {

constexpr std::uint64_t header_size = wire::frame_header_v1_size;

bool is_marker(const wire::FrameHeaderV1& header) noexcept { return header.payload_size == 0 && header.sequence_number == 0; }

}  // namespace

bool ReadRing::has_unread() const noexcept {
  // Pairs with the writer's release store at the end of WriteRing::publish().
  return ring::load_acquire(buffer_.info().payload_written_count) != read_count_;
}

bool ReadRing::has_history() const noexcept {
  const wire::OiebV1& info = buffer_.info();
  return ring::load_acquire(info.payload_written_count) != 0 || ring::load_acquire(info.metadata_written_bytes) != 0;
}

FoundFrame ReadRing::look() const {
  const std::uint64_t payload = buffer_.payload_size();
  if (payload < header_size) throw CorruptedError("a frame is announced in a buffer without payload");
  FoundFrame found{.position = position_};
  // Some writers leave a rest that holds no marker.
  if (payload - found.position < header_size) {
    found.waste = payload - found.position;
    found.position = 0;
  }
  wire::FrameHeaderV1 header = buffer_.load_header(found.position);
  if (is_marker(header) && found.position != 0) {
    found.waste = payload - found.position;
    found.markers = 1;
    found.position = 0;
    header = buffer_.load_header(0);
  }
  if (is_marker(header)) {
    throw CorruptedError("a wrap marker stands at the start of the payload, where none can be");
  }
  found.size = header.payload_size;
  found.sequence = header.sequence_number;
  if (found.size == 0 || found.size > payload - header_size - found.position) {
    throw CorruptedError("the frame at position " + std::to_string(found.position) + " claims " + std::to_string(found.size) +
                         " bytes and sequence number " + std::to_string(found.sequence) + ", in a payload of " +
                         std::to_string(payload));
  }
  // A sequence that starts over is a new writer's. Whether another one wrote the last frame cannot be told from its pid: the same
  // process may have attached anew.
  if (found.sequence != expected_ && !found.is_first()) {
    throw SequenceError("frame " + std::to_string(expected_) + " is expected at position " + std::to_string(found.position) +
                        ", got " + std::to_string(found.sequence));
  }
  return found;
}

bool ReadRing::is_surely_next(FoundFrame& found) const {
  // Pairs with the writer's release store at the end of WriteRing::publish().
  const std::uint64_t unread = ring::load_acquire(buffer_.info().payload_written_count) - read_count_;
  if (unread == 0) return false;
  try {
    found = look();
  } catch (const CorruptedError&) {
    return false;  // the writer died before it was there
  }
  return found.sequence == expected_ && unread > found.markers;
}

TakenFrame ReadRing::take(const FoundFrame& found, Credit& credit) {
  if (found.waste != 0) pieces_.push_back({.bytes = found.waste, .is_frame = false, .released = true});
  try {
    pieces_.push_back({.bytes = header_size + found.size, .is_frame = true, .released = false});
  } catch (...) {
    if (found.waste != 0) pieces_.pop_back();
    throw;
  }
  const TakenFrame taken{.data = buffer_.data_at(found.position),
                         .size = found.size,
                         .sequence = found.sequence,
                         .slot = first_slot_ + pieces_.size() - 1};
  expected_ = found.sequence + 1;
  position_ = found.position + header_size + found.size;
  if (position_ == buffer_.payload_size()) position_ = 0;
  read_count_ += found.markers + 1;
  wire::OiebV1& info = buffer_.info();
  // For inspectors, and for a client that waits until what its predecessor left is read.
  ring::store_release(info.payload_read_pos, position_);
  ring::store_release(info.payload_read_count, read_count_);
  credit = give_back();
  return taken;
}

ReadRing::Credit ReadRing::release(std::uint64_t slot) noexcept {
  pieces_[slot - first_slot_].released = true;
  return give_back();
}

ReadRing::Credit ReadRing::give_back() noexcept {
  // Strictly in the order of the ring, waste too: free bytes are all that the writer goes by, and it takes them for one piece that
  // begins at its position.
  Credit credit;
  std::uint64_t bytes = 0;
  while (!pieces_.empty() && pieces_.front().released) {
    bytes += pieces_.front().bytes;
    if (pieces_.front().is_frame) ++credit.frames;
    pieces_.pop_front();
    ++first_slot_;
  }
  if (bytes == 0) return credit;
  // Pairs with the writer's acquire load in WriteRing::free_bytes().
  const std::uint64_t before = std::atomic_ref(buffer_.info().payload_free_bytes).fetch_add(bytes, std::memory_order_acq_rel);
  credit.sound = before <= buffer_.payload_size() && bytes <= buffer_.payload_size() - before;
  return credit;
}

}  // namespace zeroduplex::stream
