#include "ring/client_ring.hpp"

#include <cstring>
#include <string>

#include <zeroduplex/error.hpp>

#include "ring/atomic_fields.hpp"
#include "ring/frame_state.hpp"

namespace zeroduplex::ring {

using wire::FrameState;

namespace {

/// Writes all 64 bytes, the state last. Pairs with the server's acquire load of the state in ServerCursor::read(). Takes values and
/// no struct, whose copying would wait for its fields to be stored first.
inline void write_header(wire::FrameHeaderV2& to, std::uint64_t size, std::uint64_t sequence, std::uint64_t capacity,
                         std::uint32_t opcode, std::uint32_t flags, FrameState state) noexcept {
  to.payload_size = size;
  to.sequence_number = sequence;
  to.capacity = capacity;
  to.status = 0;
  to.request_size = size;
  to.opcode = opcode;
  store_relaxed(to.flags, flags);
  to.reserved = {};
  store_state(to, state);
}

std::string name_of(FrameState state) { return std::string(to_string(state)); }

}  // namespace

std::byte* ClientRing::reserve(std::uint64_t capacity) {
  if (!place(capacity)) return nullptr;
  frames_.reserve_one();  // publish() must not fail
  open_ = true;
  return segment_.data_at(claim_.start.position());
}

bool ClientRing::place(std::uint64_t capacity) noexcept {
  const std::uint64_t payload = segment_.payload_size();
  const std::uint64_t total = wire::frame_header_v2_size + capacity;
  const std::uint64_t room = payload - head_.position();
  claim_.capacity = capacity;
  claim_.waste = 0;
  if (frames_.empty()) {
    claim_.start = start_alone(total);
    return true;
  }
  claim_.start = head_;
  if (total <= room) return total <= free_bytes();
  // The marked wrap. Offsets and sizes are multiples of 64, so the marker's own header always has room.
  claim_.start.begin_lap(payload);
  claim_.waste = room;
  return room + total <= free_bytes();
}

/// Where a frame goes while nothing is in flight.
inline RingOffset ClientRing::start_alone(std::uint64_t total) const noexcept {
  const std::uint64_t payload = segment_.payload_size();
  const std::uint64_t room = payload - head_.position();
  RingOffset start = head_;
  if (start.position() == 0 || (lap_ == Lap::needed && total <= room)) return start;
  // The unmarked lap: nothing is in flight, so the whole payload is free. The server tells it from an ordinary advance by its
  // length, which must therefore exceed the payload.
  start.begin_lap(payload);
  if (room + total <= payload) start.begin_lap(payload);
  return start;
}

InFlight& ClientRing::publish(std::uint64_t size, std::uint32_t opcode, bool one_way) noexcept {
  open_ = false;
  return publish(claim_, size, opcode, one_way ? wire::frame_flags_one_way : 0);
}

InFlight* ClientRing::publish_alone(std::span<const std::byte> data, std::uint64_t capacity, std::uint32_t opcode) noexcept {
  if (!frames_.empty() || open_ || !frames_.has_room() || !can_ever_fit(capacity)) return nullptr;
  const Claim claim{.start = start_alone(wire::frame_header_v2_size + capacity), .capacity = capacity};
  if (!data.empty()) std::memcpy(segment_.data_at(claim.start.position()), data.data(), data.size());
  return &publish(claim, data.size(), opcode, 0);
}

inline InFlight& ClientRing::publish(const Claim& claim, std::uint64_t size, std::uint32_t opcode, std::uint32_t flags) noexcept {
  const std::uint64_t payload = segment_.payload_size();
  const std::uint64_t sequence = ++last_sequence_;
  const std::uint64_t position = claim.start.position();
  if (claim.waste > 0) write_header(segment_.header_at(head_.position()), 0, 0, 0, 0, 0, FrameState::wrap);
  wire::FrameHeaderV2& header = segment_.header_at(position);
  wire::OiebV2& request = segment_.request();
  wire::OiebV2& response = segment_.response();
  write_header(header, size, sequence, claim.capacity, opcode, flags, FrameState::request);

  RingOffset head = claim.start;
  head.advance(wire::frame_header_v2_size + claim.capacity, payload);
  const std::uint64_t claimed = claimed_ + claim.waste + wire::frame_header_v2_size + claim.capacity;
  // The server loads the count (acquire) before the bytes: who sees the count sees everything that it counts.
  store_release(request.payload_written_bytes, head.cumulative());
  store_release(request.payload_free_bytes, payload - claimed);
  store_release(request.payload_written_count, sequence);
  // The copy in the response block shares a cache line with what the server is about to write; nobody waits for it.
  store_release(response.payload_free_bytes, payload - claimed);

  // The server works while this is written down.
  head_ = head;
  claimed_ = claimed;
  InFlight& frame = frames_.push();
  frame.sequence = sequence;
  frame.position = position;
  frame.capacity = claim.capacity;
  frame.waste = claim.waste;
  frame.header = &header;
  frame.opcode = opcode;
  frame.one_way = (flags & wire::frame_flags_one_way) != 0;
  return frame;
}

InFlight* ClientRing::find(std::uint64_t sequence) noexcept {
  const std::uint64_t oldest = last_sequence_ + 1 - frames_.size();
  if (sequence < oldest || sequence > last_sequence_) return nullptr;
  return &frames_[sequence - oldest];
}

std::optional<Answer> ClientRing::answer(const InFlight& frame) const {
  // Pairs with the server's release store of the state in RequestFrame::answer().
  const FrameState state = load_state(*frame.header);
  switch (state) {
    case FrameState::request:
    case FrameState::processing:
      return std::nullopt;
    case FrameState::response:
    case FrameState::failed:
      break;
    default:
      throw CorruptedError("frame " + std::to_string(frame.sequence) + " is " + name_of(state) +
                           " while its answer is outstanding");
  }
  const std::uint64_t size = load_once(frame.header->payload_size);
  if (size > frame.capacity) {
    throw CorruptedError("the response to request " + std::to_string(frame.sequence) + " claims " + std::to_string(size) +
                         " bytes in a capacity of " + std::to_string(frame.capacity));
  }
  return Answer{segment_.data_at(frame.position), size, load_once(frame.header->status), state == FrameState::failed};
}

void ClientRing::release(InFlight& frame) noexcept {
  frame.released = true;
  if (frame.abandoned) --abandoned_;
  // Pairs with nothing: the server does not look at an answered frame again. Inspectors read it.
  store_state(*frame.header, FrameState::consumed);
  // Pairs with the draining server's acquire load in ServerCursor::is_drained().
  store_release(segment_.response().payload_read_count, ++consumed_);
}

bool ClientRing::release_alone(std::uint64_t sequence) noexcept {
  if (frames_.size() != 1 || sequence != last_sequence_) return false;
  release(frames_.front());
  claimed_ = 0;
  frames_.pop();
  store_free();
  return true;
}

bool ClientRing::cancel(InFlight& frame) noexcept {
  // Pairs with the server's compare-and-swap in ServerCursor::take(): exactly one of the two succeeds.
  if (!swap_state(*frame.header, FrameState::request, FrameState::cancelled)) return false;
  frame.cancelled = true;
  return true;
}

void ClientRing::abandon(InFlight& frame) noexcept {
  frame.abandoned = true;
  ++abandoned_;
  // Flag, fence, state here; state, fence, flag in the server: at least one of the two sees the other's store.
  std::atomic_ref(frame.header->flags).fetch_or(wire::frame_flags_abandoned, std::memory_order_seq_cst);
  fence();
  release_late_answers();
}

bool ClientRing::release_late_answers() noexcept {
  bool any = false;
  for (std::size_t i = 0; i < frames_.size() && abandoned_ > 0; ++i) {
    InFlight& frame = frames_[i];
    if (!frame.abandoned || frame.released) continue;
    const FrameState state = load_state(*frame.header);
    if (state != FrameState::response && state != FrameState::failed) continue;
    release(frame);
    any = true;
  }
  return any;
}

bool ClientRing::reclaim() {
  const bool late = abandoned_ > 0 && release_late_answers();
  const std::uint64_t before = claimed_;
  while (!frames_.empty()) {
    InFlight& frame = frames_.front();
    // The waste before a frame is free once the server's cursor has passed the frame; pairs with ServerCursor::pass().
    if (frame.waste > 0 && load_acquire(segment_.request().payload_read_count) >= frame.sequence) {
      claimed_ -= frame.waste;
      frame.waste = 0;
    }
    if (!is_over(frame)) break;
    claimed_ -= frame.waste + wire::frame_header_v2_size + frame.capacity;
    frames_.pop();
  }
  if (claimed_ != before) store_free();
  return late;
}

bool ClientRing::is_over(const InFlight& frame) const {
  if (frame.released) return true;
  if (!frame.one_way && !frame.cancelled) return false;
  if (frame.cancelled && frame.claimed) return false;  // its waiter still looks at the header, and has yet to find out
  // Pairs with the server's release store in RequestFrame::finish() or ServerCursor::skip(): it touches nothing of the frame after.
  const FrameState state = load_state(*frame.header);
  switch (state) {
    case FrameState::consumed:
      return true;
    case FrameState::request:
    case FrameState::processing:
    case FrameState::cancelled:
      return false;
    default:
      throw CorruptedError("frame " + std::to_string(frame.sequence) + ", one-way or cancelled, is " + name_of(state));
  }
}

void ClientRing::store_free() const noexcept {
  wire::OiebV2& response = segment_.response();
  const std::uint64_t free = free_bytes();
  store_release(segment_.request().payload_free_bytes, free);
  store_release(response.payload_free_bytes, free);
}

}  // namespace zeroduplex::ring
