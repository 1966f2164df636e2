#include "ring/server_cursor.hpp"

#include <algorithm>
#include <string>

#include <zeroduplex/error.hpp>

#include "platform/cpu.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/frame_state.hpp"

namespace zeroduplex::ring {

using wire::FrameState;

void RequestFrame::answer(FrameState state, std::uint64_t response_size, std::int32_t status) const noexcept {
  header_->payload_size = response_size;
  header_->status = status;
  // Pairs with the client's acquire load in ClientRing::answer().
  store_state(*header_, state);
}

void RequestFrame::finish() const noexcept {
  // Pairs with the client's acquire load in ClientRing::is_over().
  store_state(*header_, FrameState::consumed);
}

// Not for ThreadSanitizer: once answered, the bytes may be the client's next data, which it writes without atomics.
__attribute__((no_sanitize("thread"))) bool RequestFrame::is_abandoned() const noexcept {
  // State, fence, flag here; flag, fence, state in ClientRing::abandon(): at least one of the two sees the other's store.
  return (*const_cast<const volatile std::uint32_t*>(&header_->flags) & wire::frame_flags_abandoned) != 0;
}

bool ServerCursor::has_published(std::uint64_t passed) const noexcept {
  // Pairs with the client's release store at the end of ClientRing::publish().
  return load_acquire(segment_.request().payload_written_count) != passed;
}

bool ServerCursor::look(RequestFrame& frame) {
  const wire::OiebV2& request = segment_.request();
  // The count first: the bytes loaded after it cover at least the frames it counts. Pairs with ClientRing::publish().
  const std::uint64_t count = load_acquire(request.payload_written_count);
  const std::uint64_t written_bytes = load_acquire(request.payload_written_bytes);
  if (count < seen_) refuse_count(count);
  seen_ = count;
  if (count == passed_) return false;
  const std::uint64_t payload = segment_.payload_size();
  const std::uint64_t distance = written_bytes - cursor_.cumulative();
  if (distance % wire::block_alignment != 0 || distance >= wire::cursor_lap_limit * payload) refuse_bytes(written_bytes);
  // More than one payload ahead: the client made an unmarked lap, with nothing in flight.
  while (written_bytes - cursor_.cumulative() > payload) cursor_.begin_lap(payload);
  read(frame, written_bytes);
  return true;
}

inline void ServerCursor::read(RequestFrame& frame, std::uint64_t written_bytes) {
  const std::uint64_t payload = segment_.payload_size();
  for (bool wrapped = false;; wrapped = true) {
    const std::uint64_t position = cursor_.position();
    const std::uint64_t available = written_bytes - cursor_.cumulative();
    if (available < wire::frame_header_v2_size) refuse_room(available);
    wire::FrameHeaderV2& header = segment_.header_at(position);
    platform::fetch_for_writing(&header);  // take() will write it
    // Pairs with the client's release store of the state in write_header().
    const FrameState state = load_state(header);
    if (state != FrameState::wrap) [[likely]] {
      frame.data = segment_.data_at(position);
      frame.sequence = load_once(header.sequence_number);
      frame.size = load_once(header.payload_size);
      frame.capacity = load_once(header.capacity);
      frame.opcode = load_once(header.opcode);
      frame.one_way = (load_acquire(header.flags) & wire::frame_flags_one_way) != 0;
      frame.cancelled = state == FrameState::cancelled;
      frame.header_ = &header;
      const std::uint64_t room = std::min(payload - position, available) - wire::frame_header_v2_size;
      const Fault fault = find_fault(frame, state, room);
      if (fault != Fault::none) refuse_frame(fault, frame, state, room);
      return;
    }
    if (wrapped || position == 0 || available <= payload - position) {
      refuse_wrap(position);
    }
    cursor_.begin_lap(payload);
  }
}

inline ServerCursor::Fault ServerCursor::find_fault(const RequestFrame& frame, FrameState state,
                                                    std::uint64_t room) const noexcept {
  if (state != FrameState::request && state != FrameState::cancelled) return Fault::state;
  if (frame.sequence != passed_ + 1) return Fault::sequence;
  if (frame.capacity % wire::block_alignment != 0 || frame.capacity > room || frame.capacity > wire::max_frame_data) {
    return Fault::capacity;
  }
  return frame.size > frame.capacity ? Fault::size : Fault::none;
}

[[gnu::noinline]] void ServerCursor::refuse_count(std::uint64_t count) const {
  throw CorruptedError("the request block's written count went back from " + std::to_string(seen_) + " to " +
                       std::to_string(count));
}

[[gnu::noinline]] void ServerCursor::refuse_bytes(std::uint64_t written_bytes) const {
  throw CorruptedError("the request block's written bytes, " + std::to_string(written_bytes) + ", do not follow the cursor at " +
                       std::to_string(cursor_.cumulative()));
}

[[gnu::noinline]] void ServerCursor::refuse_room(std::uint64_t available) const {
  throw CorruptedError("frame " + std::to_string(passed_ + 1) + " is counted, but only " + std::to_string(available) +
                       " bytes are written for it");
}

[[gnu::noinline]] void ServerCursor::refuse_wrap(std::uint64_t position) {
  throw CorruptedError("a wrap marker stands at " + std::to_string(position) + ", where none can be");
}

[[gnu::noinline]] void ServerCursor::refuse_frame(Fault fault, const RequestFrame& frame, FrameState state,
                                                  std::uint64_t room) const {
  const std::string which = "frame " + std::to_string(passed_ + 1);
  switch (fault) {
    case Fault::state:
      throw CorruptedError(which + " is " + std::string(to_string(state)) + " when its turn comes");
    case Fault::sequence:
      throw CorruptedError(which + " has sequence number " + std::to_string(frame.sequence));
    case Fault::capacity:
      throw CorruptedError(which + " claims a capacity of " + std::to_string(frame.capacity) + ", there is room for " +
                           std::to_string(room));
    default:
      throw CorruptedError(which + " claims " + std::to_string(frame.size) + " bytes in a capacity of " +
                           std::to_string(frame.capacity));
  }
}

bool ServerCursor::take(const RequestFrame& frame) {
  // Pairs with the client's compare-and-swap in ClientRing::cancel(): exactly one of the two succeeds.
  if (!swap_state(*frame.header_, FrameState::request, FrameState::processing)) [[unlikely]] {
    check_cancelled(frame);
    return false;
  }
  // Answering will write the counters of the other block.
  platform::fetch_for_writing(&segment_.response().payload_written_count);
  pass(frame);
  return true;
}

[[gnu::noinline]] void ServerCursor::check_cancelled(const RequestFrame& frame) {
  if (load_state(*frame.header_) == FrameState::cancelled) return;
  throw CorruptedError("the state of frame " + std::to_string(frame.sequence) + " changed as only the server may change it");
}

void ServerCursor::skip(const RequestFrame& frame) noexcept {
  frame.finish();
  pass(frame);
}

void ServerCursor::pass(const RequestFrame& frame) noexcept {
  cursor_.advance(wire::frame_header_v2_size + frame.capacity, segment_.payload_size());
  ++passed_;
  // Pairs with the client's acquire load in ClientRing::reclaim(), which frees the waste before this frame.
  store_release(segment_.request().payload_read_count, passed_);
}

void ServerCursor::count_response(std::uint64_t size) noexcept {
  wire::OiebV2& response = segment_.response();
  response_bytes_ += size;
  const std::uint64_t responses = ++responses_;
  store_release(response.payload_written_bytes, response_bytes_);
  // Pairs with spinning "receive any" in the client and with inspectors.
  store_release(response.payload_written_count, responses);
}

bool ServerCursor::is_drained() const noexcept {
  // Pairs with the client's release store in ClientRing::release().
  return load_acquire(segment_.response().payload_read_count) == responses_;
}

void ServerCursor::reset() noexcept {
  for (wire::OiebV2* block : {&segment_.request(), &segment_.response()}) {
    store_release(block->payload_written_bytes, std::uint64_t{0});
    store_release(block->payload_written_count, std::uint64_t{0});
    store_release(block->payload_read_count, std::uint64_t{0});
    store_release(block->payload_free_bytes, segment_.payload_size());
  }
  *this = ServerCursor(segment_);
}

}  // namespace zeroduplex::ring
