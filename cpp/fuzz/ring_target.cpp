// Both ends of the ring on a segment that a program of bytes, and a flipping peer beside it, writes to between and during their
// operations. Whatever happens, an operation throws CorruptedError or hands out what lies in the payload; until somebody interferes
// it gives the right answer.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include <zeroduplex/error.hpp>

#include "arena.hpp"
#include "contents.hpp"
#include "flipper.hpp"
#include "program.hpp"
#include "ring/client_ring.hpp"
#include "ring/identity.hpp"
#include "ring/metadata.hpp"
#include "ring/server_cursor.hpp"
#include "target.hpp"

namespace zeroduplex::fuzz {
namespace {

using wire::FrameState;

constexpr std::uint64_t longest_payload = 2048;
constexpr std::uint64_t metadata_size = 64;
constexpr std::uint64_t gap = wire::block_alignment;  // between the regions, which real segments do not have: nobody may touch it
constexpr std::size_t longest_program = 1024;

struct Tally {
  Counter sent{"sent"}, taken{"taken"}, answered{"answered"}, received{"received"}, cancelled{"cancelled"}, abandoned{"abandoned"},
      corrupted{"corrupted"}, writes{"writes"}, flips{"flips"};
} tally;

/// What a frame must hold as long as nobody interfered.
struct Expected {
  std::uint64_t size = 0;
  std::uint64_t capacity = 0;
  bool one_way = false;
  std::uint64_t answer = 0;
  bool failed = false;
};

/// A layout with gaps, whose end is the payload's.
wire::SegmentV2 spread(std::uint64_t payload) {
  wire::SegmentV2 layout{};
  std::uint64_t at = 0;
  const auto place = [&](wire::Region& region, std::uint64_t size) {
    region.offset = at;
    region.size = size;
    at = ring::round_up(at + size) + gap;
  };
  place(layout.oieb_request, wire::oieb_v2_size);
  place(layout.oieb_response, wire::oieb_v2_size);
  place(layout.metadata_request, metadata_size);
  place(layout.payload, payload);
  layout.metadata_response = layout.metadata_request;
  layout.length = layout.payload.offset + payload;
  return layout;
}

class HostileRing {
 public:
  HostileRing(Arena& arena, Flipper& flipper, std::span<const std::uint8_t> input)
      : arena_(arena), flipper_(flipper), program_(input) {
    const wire::SegmentV2 layout =
        spread((2 + program_.below(longest_payload / wire::block_alignment - 1)) * wire::block_alignment);
    lap_ = program_.byte() % 2 == 0 ? Lap::eager : Lap::needed;
    memory_ = arena.give(layout.length);
    forbid_behind(layout.oieb_request, layout.oieb_response);
    forbid_behind(layout.oieb_response, layout.metadata_request);
    forbid_behind(layout.metadata_request, layout.payload);
    segment_ = ring::Segment(memory_.data(), layout);
    ring::initialise(segment_, 1);
    cursor_.emplace(segment_);
    reset();
  }

  void run() {
    while (program_.more()) {
      try {
        step();
      } catch (const CorruptedError&) {
        require(touched_, "corruption was found where nobody interfered");
        ++tally.corrupted;
        reset();  // what follows: the client detaches, the server resets, a client attaches
      }
      require(client_->free_bytes() <= segment_.payload_size(), "more bytes are free than there are");
      require(client_->in_flight() <= segment_.payload_size() / wire::frame_header_v2_size, "more frames are in flight than fit");
    }
    flipper_.stop();
    require(arena_.is_intact(), "something was written outside of the regions");
  }

 private:
  void forbid_behind(const wire::Region& region, const wire::Region& next) {
    const std::uint64_t end = region.offset + region.size;
    arena_.forbid(memory_.subspan(end, next.offset - end));
  }

  void reset() {
    flipper_.stop();
    cursor_->reset();
    client_.emplace(segment_, lap_);
    ring::store_release(segment_.request().metadata_written_bytes, std::uint64_t{0});
    taken_.clear();
    frames_.clear();
    sent_ = 0;
    touched_ = false;
  }

  void step() {
    switch (program_.byte() % 16) {
      case 0:
      case 1:
        return send();
      case 2:
      case 3:
        return take();
      case 4:
      case 5:
        return answer();
      case 6:
      case 7:
        return receive();
      case 8:
        return cancel();
      case 9:
        return abandon();
      case 10:
        client_->reclaim();
        return;
      case 11:
        return interfere(program_.field(block_fields, block()));
      case 12:
        return interfere(program_.field(header_fields, header()));
      case 13:
        return interfere(anywhere());
      case 14:
        return flip();
      default:
        return program_.byte() % 4 == 0 ? reset() : metadata();
    }
  }

  [[nodiscard]] std::span<std::byte> payload() const {
    return memory_.subspan(segment_.layout().payload.offset, segment_.payload_size());
  }
  void check_inside(const std::byte* data, std::uint64_t size, std::uint64_t capacity) const {
    const std::span<std::byte> all = payload();
    require(data >= all.data() && data <= all.data() + all.size(), "data begins outside of the payload");
    require(size <= capacity && capacity <= static_cast<std::uint64_t>(all.data() + all.size() - data),
            "data ends outside of the payload");
  }

  void send() {
    const bool one_way = program_.byte() % 4 == 0;
    const std::uint64_t size = program_.below(segment_.payload_size() + 1);
    const std::uint64_t capacity = ring::round_up(std::max(size, program_.below(segment_.payload_size() + 1)));
    client_->reclaim();
    if (!client_->can_ever_fit(capacity)) return;
    std::byte* const data = client_->reserve(capacity);
    if (data == nullptr) return;
    check_inside(data, size, capacity);
    if (program_.byte() % 8 == 7) return client_->abort();
    fill({data, size}, sent_ + 1);
    const ring::InFlight& frame = client_->publish(size, static_cast<std::uint32_t>(size), one_way);
    sent_ = frame.sequence;
    frames_[sent_] = {size, capacity, one_way, 0, false};
    ++tally.sent;
  }

  void take() {
    ring::RequestFrame frame;
    if (!cursor_->look(frame)) return;
    check_inside(frame.data, frame.size, frame.capacity);
    require(frame.sequence == cursor_->passed() + 1, "a frame came out of turn");
    if (!touched_) {
      const Expected& sent = frames_.at(frame.sequence);
      require(frame.size == sent.size && frame.capacity == sent.capacity && frame.one_way == sent.one_way &&
                  frame.opcode == sent.size && is_filled({frame.data, frame.size}, frame.sequence),
              "the server got another frame than was sent");
    }
    if (frame.cancelled) return cursor_->skip(frame);
    if (touched_ && program_.byte() % 16 == 15) return cursor_->pass(frame);
    if (!cursor_->take(frame)) return require(touched_, "a frame was taken by somebody else");
    taken_.push_back(frame);
    ++tally.taken;
  }

  void answer() {
    if (taken_.empty()) return;
    const auto chosen = taken_.begin() + static_cast<std::ptrdiff_t>(program_.below(taken_.size()));
    const ring::RequestFrame frame = *chosen;
    taken_.erase(chosen);
    if (frame.one_way) {
      fill({frame.data, frame.capacity}, 0);
      return frame.finish();
    }
    const std::uint64_t size = program_.below(frame.capacity + 1);
    const bool failed = program_.byte() % 4 == 0;
    fill({frame.data, size}, ~frame.sequence);
    const auto sent = frames_.find(frame.sequence);
    if (sent != frames_.end()) {
      sent->second.answer = size;
      sent->second.failed = failed;
    }
    frame.answer(failed ? FrameState::failed : FrameState::response, size, static_cast<std::int32_t>(size));
    (void)frame.is_abandoned();
    cursor_->count_response(size);
    ++tally.answered;
  }

  /// A frame in flight that is the client's to wait for, null when it chose none.
  ring::InFlight* pick() {
    if (client_->in_flight() == 0) return nullptr;
    ring::InFlight& frame = client_->at(program_.below(client_->in_flight()));
    return frame.released || frame.cancelled || frame.abandoned || frame.one_way ? nullptr : &frame;
  }

  void receive() {
    ring::InFlight* const frame = pick();
    if (frame == nullptr) return;
    const auto found = client_->answer(*frame);
    if (!found) return;
    check_inside(found->data, found->size, frame->capacity);
    if (!touched_) {
      const Expected& sent = frames_.at(frame->sequence);
      require(found->size == sent.answer && found->failed == sent.failed &&
                  found->status == static_cast<std::int32_t>(sent.answer) &&
                  is_filled({found->data, found->size}, ~frame->sequence),
              "the client got another answer than was given");
    }
    fill({found->data, found->size}, 0);
    client_->release(*frame);
    ++tally.received;
    client_->reclaim();
  }

  void cancel() {
    ring::InFlight* const frame = pick();
    if (frame != nullptr && client_->cancel(*frame)) ++tally.cancelled;
  }

  void abandon() {
    ring::InFlight* const frame = pick();
    if (frame == nullptr) return;
    client_->abandon(*frame);
    ++tally.abandoned;
  }

  void metadata() {
    const std::vector<std::byte> content(program_.below(metadata_size + 1));
    try {
      ring::write_metadata(segment_.request(), segment_.metadata_request(), content);
    } catch (const MetadataTooLargeError&) {
      require(content.size() > metadata_size - wire::metadata_prefix_size, "metadata that fits was refused");
    } catch (const MetadataAlreadyWrittenError&) {
      // By us before, or somebody says so.
    }
    if (program_.byte() % 2 == 0) {
      touched_ = true;
      const Word length(segment_.metadata_request().data(), 8);
      length.store(program_.value(length.load(), metadata_size));
    }
    require(
        ring::read_metadata(segment_.request(), segment_.metadata_request()).size() <= metadata_size - wire::metadata_prefix_size,
        "more metadata was read than there is room for");
  }

  void* block() { return program_.byte() % 2 == 0 ? &segment_.request() : &segment_.response(); }

  /// Where a header is, was, or could be.
  void* header() {
    std::uint64_t position = program_.below(segment_.payload_size() / wire::block_alignment) * wire::block_alignment;
    const std::size_t count = client_->in_flight();
    if (count > 0 && program_.byte() % 4 != 0) position = client_->at(position / wire::block_alignment % count).position;
    return payload().data() + position;
  }

  Word anywhere() { return {payload().data() + program_.below(segment_.payload_size() / 8) * 8, 8}; }

  void interfere(Word word) {
    touched_ = true;
    word.store(program_.value(word.load(), segment_.payload_size()));
    ++tally.writes;
  }

  void flip() {
    touched_ = true;
    const bool in_header = program_.byte() % 2 == 0;
    const Word word = in_header ? program_.field(header_fields, header()) : program_.field(block_fields, block());
    const std::uint64_t now = word.load();
    flipper_.start(word, now, program_.value(now, segment_.payload_size()));
    ++tally.flips;
  }

  Arena& arena_;
  Flipper& flipper_;
  Program program_;
  std::span<std::byte> memory_;
  Lap lap_ = Lap::eager;
  ring::Segment segment_;
  std::optional<ring::ClientRing> client_;
  std::optional<ring::ServerCursor> cursor_;
  std::vector<ring::RequestFrame> taken_;
  std::map<std::uint64_t, Expected> frames_;
  std::uint64_t sent_ = 0;
  bool touched_ = false;  // somebody interfered since the last reset: CorruptedError is a right answer now
};

}  // namespace
}  // namespace zeroduplex::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zeroduplex::fuzz;
  static Arena arena(8192);
  static Flipper flipper;
  HostileRing(arena, flipper, {data, std::min(size, longest_program)}).run();
  return 0;
}
