// Both ends of a v1 buffer's ring on memory that a program of bytes, and a flipping peer beside it, writes to between and during
// their operations. Whatever happens, an operation throws CorruptedError or hands out what lies in the payload; until somebody
// interferes every frame arrives once, in order and whole, through any number of writers.

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include <zeroduplex/error.hpp>

#include "arena.hpp"
#include "contents.hpp"
#include "flipper.hpp"
#include "program.hpp"
#include "stream/buffer.hpp"
#include "stream/read_ring.hpp"
#include "stream/write_ring.hpp"
#include "target.hpp"

namespace zeroduplex::fuzz {
namespace {

constexpr std::uint64_t longest_payload = 1024;
constexpr std::uint64_t gap = wire::block_alignment;  // behind the block, which real buffers do not have: nobody may touch it
constexpr std::size_t longest_program = 1024;

struct Tally {
  Counter written{"written"}, read{"read"}, recovered{"recovered"}, released{"released"}, writers{"writers"},
      corrupted{"corrupted"}, writes{"writes"}, flips{"flips"};
} tally;

/// What the reader must find next, as long as nobody interfered.
struct Sent {
  std::uint64_t size;
  std::uint64_t sequence;
  std::uint64_t content;
};

/// A frame in the reader's hands.
struct Held {
  stream::TakenFrame frame;
  std::uint64_t content;
};

wire::SegmentV1 spread(std::uint64_t payload) {
  wire::SegmentV1 layout{};
  layout.oieb = {.offset = 0, .size = wire::oieb_v1_size};
  layout.metadata = {.offset = wire::oieb_v1_size, .size = 0};
  layout.payload = {.offset = wire::oieb_v1_size + gap, .size = payload};
  layout.length = layout.payload.offset + payload;
  return layout;
}

class HostileStream {
 public:
  HostileStream(Arena& arena, Flipper& flipper, std::span<const std::uint8_t> input)
      : arena_(arena), flipper_(flipper), program_(input) {
    const wire::SegmentV1 layout = spread(program_.below(longest_payload / wire::block_alignment + 1) * wire::block_alignment);
    memory_ = arena.give(layout.length);
    arena_.forbid(memory_.subspan(wire::oieb_v1_size, gap));
    buffer_ = stream::Buffer(memory_.data(), layout);
    reset();
  }

  void run() {
    while (program_.more()) {
      try {
        step();
      } catch (const CorruptedError&) {
        require(touched_, "corruption was found where nobody interfered");
        ++tally.corrupted;
        reset();  // what follows: the reader closes, another one creates the buffer anew
      }
      if (!touched_ && held_.empty() && sent_.empty() && !reader_->has_unread())
        require(writer_->free_bytes() == buffer_.payload_size(), "an empty ring has fewer free bytes than it has bytes");
    }
    flipper_.stop();
    require(arena_.is_intact(), "something was written outside of the regions");
  }

 private:
  void reset() {
    flipper_.stop();
    std::memset(memory_.data(), 0, wire::oieb_v1_size);
    stream::initialise(buffer_);
    reader_.emplace(buffer_);
    writer_.emplace(buffer_);
    held_.clear();
    sent_.clear();
    read_position_ = 0;
    touched_ = false;
  }

  void step() {
    switch (program_.byte() % 16) {
      case 0:
      case 1:
      case 2:
        return write();
      case 3:
      case 4:
      case 5:
        return read();
      case 6:
      case 7:
        return release();
      case 8:
        return recover();
      case 9:
        writer_.emplace(buffer_);
        ++tally.writers;
        return;
      case 10:
        (void)reader_->has_history();
        return flipper_.stop();
      case 11:
      case 12:
        return interfere(program_.field(stream_fields, memory_.data()));
      case 13:
        return interfere_with_header();
      case 14:
        return flip();
      default:
        return program_.byte() % 4 == 0 ? reset() : release();
    }
  }

  [[nodiscard]] std::span<std::byte> payload() const {
    return memory_.subspan(buffer_.layout().payload.offset, buffer_.payload_size());
  }
  void check_inside(const std::byte* data, std::uint64_t size) const {
    const std::span<std::byte> all = payload();
    require(data >= all.data() + wire::frame_header_v1_size && data <= all.data() + all.size(),
            "data begins outside of the payload");
    require(size > 0 && size <= static_cast<std::uint64_t>(all.data() + all.size() - data), "data ends outside of the payload");
  }

  void write() {
    const std::uint64_t size = program_.below(buffer_.payload_size() + 2);
    stream::Place place;
    try {
      writer_->check_size(size);
      place = writer_->place(size);
    } catch (const FrameUnplaceableError&) {
      const std::uint64_t largest = writer_->largest_placeable(size);
      require(largest < size, "a frame that fits was refused");
      if (largest > 0) (void)writer_->place(largest);  // what is said to fit does
      return;
    } catch (const InvalidFrameSizeError&) {
      return require(size == 0, "a frame with data was refused for having none");
    } catch (const FrameTooLargeError&) {
      return require(size + 2 * wire::frame_header_v1_size > buffer_.payload_size(), "a frame that fits was refused");
    }
    if (place.need() > writer_->free_bytes()) return;
    std::byte* const data = writer_->data_at(place);
    check_inside(data, size);
    fill({data, size}, ++content_);
    sent_.push_back({size, writer_->publish(place), content_});
    ++tally.written;
  }

  void read() {
    if (!reader_->has_unread()) return require(touched_ || sent_.empty(), "a frame is not announced");
    take(reader_->look());
  }

  /// What a reader does when the writer died without a token.
  void recover() {
    stream::FoundFrame found;
    if (!reader_->is_surely_next(found)) return;
    take(found);
    ++tally.recovered;
  }

  void take(const stream::FoundFrame& found) {
    stream::ReadRing::Credit credit;
    const stream::TakenFrame frame = reader_->take(found, credit);
    check_inside(frame.data, frame.size);
    read_position_ = found.position + wire::frame_header_v1_size + found.size;
    std::uint64_t content = 0;
    if (!touched_) {
      require(!sent_.empty(), "a frame came that nobody sent");
      const Sent sent = sent_.front();
      sent_.pop_front();
      require(frame.size == sent.size && frame.sequence == sent.sequence && is_filled({frame.data, frame.size}, sent.content),
              "the reader got another frame than was sent");
      content = sent.content;
    }
    held_.push_back({frame, content});
    ++tally.read;
    require_sound(credit);
  }

  void release() {
    if (held_.empty()) return;
    const auto chosen = held_.begin() + static_cast<std::ptrdiff_t>(program_.below(held_.size()));
    const Held held = *chosen;
    held_.erase(chosen);
    if (!touched_)
      require(is_filled({held.frame.data, held.frame.size}, held.content), "a frame was written over while the reader had it");
    fill({held.frame.data, held.frame.size}, 0);
    const stream::ReadRing::Credit credit = reader_->release(held.frame.slot);
    ++tally.released;
    require_sound(credit);
  }

  /// What the reader does with a credit: an account that is not possible ends it.
  static void require_sound(const stream::ReadRing::Credit& credit) {
    if (!credit.sound) throw CorruptedError("more bytes are free than there are");
  }

  void interfere(Word word) {
    touched_ = true;
    word.store(program_.value(word.load(), buffer_.payload_size()));
    ++tally.writes;
  }

  /// Headers stand at any address; half of the stores hit the next one.
  void interfere_with_header() {
    const std::uint64_t size = buffer_.payload_size();
    if (size < wire::frame_header_v1_size) return;
    std::uint64_t at = program_.below(size);
    if (program_.byte() % 2 == 0) at = read_position_ + at % 2 * wire::frame_header_v1_sequence_number_offset;
    at = std::min(at, size - sizeof(std::uint64_t));
    touched_ = true;
    std::uint64_t value;
    std::memcpy(&value, payload().data() + at, sizeof value);
    value = program_.value(program_.byte() % 2 == 0 ? at : value, size);
    std::memcpy(payload().data() + at, &value, sizeof value);
    ++tally.writes;
  }

  void flip() {
    Word word = program_.field(stream_fields, memory_.data());
    if (buffer_.payload_size() > 0 && program_.byte() % 2 == 0) {
      std::uint64_t at = program_.below(buffer_.payload_size());
      if (program_.byte() % 2 == 0) at = read_position_ % buffer_.payload_size();
      word = Word(payload().data() + at / sizeof(std::uint64_t) * sizeof(std::uint64_t), sizeof(std::uint64_t));
    }
    if (program_.byte() % 4 != 0) return interfere(word);  // starting and stopping the flipping peer takes long
    touched_ = true;
    const std::uint64_t now = word.load();
    flipper_.start(word, now, program_.value(now, buffer_.payload_size()));
    ++tally.flips;
  }

  Arena& arena_;
  Flipper& flipper_;
  Program program_;
  std::span<std::byte> memory_;
  stream::Buffer buffer_;
  std::optional<stream::ReadRing> reader_;
  std::optional<stream::WriteRing> writer_;
  std::vector<Held> held_;
  std::deque<Sent> sent_;
  std::uint64_t content_ = 0;
  std::uint64_t read_position_ = 0;  // of the next header, as far as is known
  bool touched_ = false;             // somebody interfered since the last reset: CorruptedError is a right answer now
};

}  // namespace
}  // namespace zeroduplex::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zeroduplex::fuzz;
  static Arena arena(4096);
  static Flipper flipper;
  HostileStream(arena, flipper, {data, std::min(size, longest_program)}).run();
  return 0;
}
