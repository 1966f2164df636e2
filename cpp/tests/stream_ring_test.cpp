// The two ends of a v1 ring over plain memory: where frames go, what is published, and what is refused.

#include <array>
#include <cstring>
#include <deque>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <zeroduplex/error.hpp>

#include "ring/atomic_fields.hpp"
#include "stream/buffer.hpp"
#include "stream/read_ring.hpp"
#include "stream/write_ring.hpp"
#include "support.hpp"

namespace zeroduplex::stream {
namespace {

using test::HeapMemory;

constexpr std::uint64_t payload = 1024;
constexpr std::uint64_t header = wire::frame_header_v1_size;

/// A fresh buffer of 256 bytes of metadata and 1024 of payload, on the heap.
class Memory {
 public:
  explicit Memory(std::uint64_t payload_size = payload)
      : layout_(*wire::resolve_segment_v1(256, payload_size)),
        memory_(layout_.length),
        buffer_(memory_.view().bytes().data(), layout_) {
    std::memset(memory_.view().bytes().data(), 0, layout_.payload.offset);
    initialise(buffer_);
  }
  [[nodiscard]] const Buffer& buffer() const { return buffer_; }
  [[nodiscard]] wire::OiebV1& info() const { return buffer_.info(); }
  [[nodiscard]] std::span<std::byte> bytes() const { return memory_.view().bytes(); }
  void put_header(std::uint64_t position, std::uint64_t size, std::uint64_t sequence) const {
    buffer_.store_header(position, {.payload_size = size, .sequence_number = sequence});
  }
  /// As if a writer had left it so.
  void set_writer(std::uint64_t position, std::uint64_t free, std::uint64_t count) const {
    info().payload_write_pos = position;
    info().payload_free_bytes = free;
    info().payload_written_count = count;
  }

 private:
  wire::SegmentV1 layout_;
  HeapMemory memory_;
  Buffer buffer_;
};

struct Counters {
  std::uint64_t free, write_pos, read_pos, written, read;
  friend bool operator==(const Counters&, const Counters&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Counters& c) {
    return out << "free " << c.free << ", write_pos " << c.write_pos << ", read_pos " << c.read_pos << ", written " << c.written
               << ", read " << c.read;
  }
};

Counters counters(const Memory& m) {
  return {m.info().payload_free_bytes, m.info().payload_write_pos, m.info().payload_read_pos, m.info().payload_written_count,
          m.info().payload_read_count};
}

std::uint64_t write(const Memory& m, WriteRing& ring, std::uint64_t size, std::uint64_t seed) {
  ring.check_size(size);
  const Place place = ring.place(size);
  if (place.need() > ring.free_bytes()) throw BufferFullError("no room");
  const auto data = test::pattern(seed, size);
  std::memcpy(ring.data_at(place), data.data(), size);
  static_cast<void>(m);
  return ring.publish(place);
}

/// Reads a frame that must be there.
TakenFrame read(ReadRing& ring) {
  EXPECT_TRUE(ring.has_unread());
  ReadRing::Credit credit;
  const TakenFrame taken = ring.take(ring.look(), credit);
  EXPECT_TRUE(credit.sound);
  return taken;
}

void release(ReadRing& ring, const TakenFrame& frame, std::uint64_t expected_frames) {
  const ReadRing::Credit credit = ring.release(frame.slot);
  EXPECT_TRUE(credit.sound);
  EXPECT_EQ(expected_frames, credit.frames);
}

// What the published library's segments hold after the same steps.

TEST(StreamRing, OneFrameAsPublishedLibrariesWriteIt) {
  const Memory m;
  WriteRing writer(m.buffer());
  ReadRing reader(m.buffer());
  EXPECT_EQ((Counters{1024, 0, 0, 0, 0}), counters(m));
  EXPECT_EQ(1U, write(m, writer, 100, 1));
  EXPECT_EQ((Counters{908, 116, 0, 1, 0}), counters(m));
  const TakenFrame frame = read(reader);
  EXPECT_EQ(1U, frame.sequence);
  EXPECT_EQ(test::pattern(1, 100), std::vector<std::byte>(frame.data, frame.data + frame.size));
  EXPECT_EQ((Counters{908, 116, 116, 1, 1}), counters(m));
  release(reader, frame, 1);
  EXPECT_EQ((Counters{1024, 116, 116, 1, 1}), counters(m));
}

TEST(StreamRing, AWrapWithAMarkerAsPublishedLibrariesWriteIt) {
  for (const std::uint64_t tail : {std::uint64_t{100}, header}) {
    const Memory m;
    WriteRing writer(m.buffer());
    ReadRing reader(m.buffer());
    write(m, writer, 400, 1);
    write(m, writer, payload - 416 - tail - header, 2);
    EXPECT_EQ((Counters{tail, payload - tail, 0, 2, 0}), counters(m));
    release(reader, read(reader), 1);
    release(reader, read(reader), 1);
    EXPECT_EQ((Counters{1024, payload - tail, payload - tail, 2, 2}), counters(m));
    EXPECT_EQ(3U, write(m, writer, 200, 3));
    EXPECT_EQ((Counters{payload - tail - 216, 216, payload - tail, 4, 2}), counters(m)) << "the marker counts";
    const auto marker = m.buffer().load_header(payload - tail);
    EXPECT_EQ(0U, marker.payload_size);
    EXPECT_EQ(0U, marker.sequence_number);
    const TakenFrame frame = read(reader);
    EXPECT_EQ(3U, frame.sequence);
    EXPECT_EQ((Counters{808, 216, 216, 4, 4}), counters(m)) << "with nothing held the waste goes back at once";
    release(reader, frame, 1);
    EXPECT_EQ((Counters{1024, 216, 216, 4, 4}), counters(m));
  }
}

TEST(StreamRing, AnExactFitEndsAtPositionZero) {
  const Memory m;
  WriteRing writer(m.buffer());
  ReadRing reader(m.buffer());
  write(m, writer, 484, 1);
  write(m, writer, 508, 2);
  EXPECT_EQ((Counters{0, 0, 0, 2, 0}), counters(m));
  release(reader, read(reader), 1);
  release(reader, read(reader), 1);
  EXPECT_EQ((Counters{1024, 0, 0, 2, 2}), counters(m));
  write(m, writer, 100, 3);
  EXPECT_EQ((Counters{908, 116, 0, 3, 2}), counters(m)) << "no marker";
}

TEST(StreamRing, TheLargestFrameFillsTheRing) {
  const Memory m;
  WriteRing writer(m.buffer());
  ReadRing reader(m.buffer());
  for (int lap = 0; lap < 3; ++lap) {
    write(m, writer, payload - header, 1);
    EXPECT_EQ(0U, m.info().payload_free_bytes);
    release(reader, read(reader), 1);
    EXPECT_EQ(payload, m.info().payload_free_bytes);
  }
}

// Sizes and places.

TEST(StreamRing, SizesThatNoBufferOrNotThisOneTakes) {
  const Memory m;
  const WriteRing writer(m.buffer());
  EXPECT_THROW(writer.check_size(0), InvalidFrameSizeError);
  EXPECT_NO_THROW(writer.check_size(1));
  EXPECT_NO_THROW(writer.check_size(payload - header));
  EXPECT_NO_THROW(writer.check_size(payload - 2 * header));
  for (std::uint64_t rest = 1; rest < header; ++rest) {
    try {
      writer.check_size(payload - header - rest);
      ADD_FAILURE() << rest;
    } catch (const FrameTooLargeError& e) {
      EXPECT_NE(std::string::npos, e.detail().find("misread")) << e.detail();
      EXPECT_EQ(ErrorCode::frame_too_large, e.code());
    }
  }
  EXPECT_THROW(writer.check_size(payload - header + 1), FrameTooLargeError);
  EXPECT_THROW(writer.check_size(~std::uint64_t{0}), FrameTooLargeError);
  // Only the protocol's own limit is in the way of this one.
  Buffer large(m.bytes().data(), *wire::resolve_segment_v1(256, std::uint64_t{1} << 40));
  EXPECT_NO_THROW(WriteRing(large).check_size(wire::max_frame_data));
  EXPECT_THROW(WriteRing(large).check_size(wire::max_frame_data + 1), FrameTooLargeError);
}

TEST(StreamRing, ATailTooShortForAMarkerIsNeverLeft) {
  const Memory m;
  m.set_writer(600, payload, 7);
  const WriteRing writer(m.buffer());
  const std::uint64_t room = payload - 600;
  for (std::uint64_t total = header + 1; total <= payload; ++total) {
    const std::uint64_t size = total - header;
    if (total == room || total + header <= room) {
      const Place place = writer.place(size);
      EXPECT_EQ(600U, place.position) << total;
      EXPECT_EQ(total, place.need());
    } else if (total <= 600) {
      const Place place = writer.place(size);
      EXPECT_EQ(0U, place.position) << total;
      EXPECT_EQ(room, place.waste);
      EXPECT_EQ(room + total, place.need());
    } else {
      EXPECT_THROW(static_cast<void>(writer.place(size)), FrameUnplaceableError) << total;
    }
  }
}

TEST(StreamRing, TheDeadZoneOfAnEmptyBuffer) {
  const Memory m;
  WriteRing writer(m.buffer());
  ReadRing reader(m.buffer());
  write(m, writer, 484, 1);
  release(reader, read(reader), 1);
  try {
    static_cast<void>(writer.place(584));
    FAIL();
  } catch (const FrameTooLargeError& e) {  // its kind
    EXPECT_EQ(ErrorCode::frame_unplaceable, e.code());
  }
  write(m, writer, 508, 2);  // the remedy: a smaller frame first
  release(reader, read(reader), 1);
  write(m, writer, 584, 3);
}

TEST(StreamRing, TheLargestPlaceableFrameIsThat) {
  const Memory m(256);
  for (std::uint64_t position = 0; position <= 256; ++position) {
    m.set_writer(position, 256, 0);
    const WriteRing writer(m.buffer());
    std::uint64_t largest = 0;
    for (std::uint64_t size = 1; size <= 256; ++size) {
      try {
        writer.check_size(size);
        static_cast<void>(writer.place(size));
        largest = size;
      } catch (const FrameTooLargeError&) {
        ASSERT_GT(header + size, 256 / 2 - header / 2) << "so many bytes have a place everywhere";
      }
      ASSERT_EQ(largest, writer.largest_placeable(size)) << "position " << position << ", size " << size;
    }
    EXPECT_EQ(largest, writer.largest_placeable(~std::uint64_t{0}));
  }
}

TEST(StreamRing, AWriterGoesOnWhereTheLastOneStopped) {
  const Memory m;
  {
    WriteRing first(m.buffer());
    write(m, first, 100, 1);
  }
  WriteRing second(m.buffer());
  EXPECT_EQ(1U, write(m, second, 50, 2)) << "sequence numbers are the writer's own";
  EXPECT_EQ((Counters{1024 - 116 - 66, 182, 0, 2, 0}), counters(m));
  // A position at the end is what some writers leave after an exact fit.
  m.set_writer(payload, payload, 2);
  WriteRing third(m.buffer());
  write(m, third, 10, 3);
  EXPECT_EQ(26U, m.info().payload_write_pos);
  EXPECT_EQ(3U, m.info().payload_written_count) << "no marker";
}

TEST(StreamRing, AnInheritedTailHasNoMarkerAndNoCount) {
  for (std::uint64_t tail = 1; tail < header; ++tail) {
    const Memory m;
    std::memset(m.bytes().data() + m.buffer().layout().payload.offset, 0xEE, payload);
    m.set_writer(payload - tail, payload, 5);
    WriteRing writer(m.buffer());
    write(m, writer, 200, 1);
    EXPECT_EQ((Counters{payload - tail - 216, 216, 0, 6, 0}), counters(m)) << tail;
    for (std::uint64_t i = payload - tail; i < payload; ++i) {
      EXPECT_EQ(std::byte{0xEE}, m.bytes()[m.buffer().layout().payload.offset + i]) << "the tail is not touched";
    }
  }
}

TEST(StreamRing, AWriterRefusesCountersThatCannotBe) {
  const Memory m;
  m.set_writer(payload + 1, payload, 0);
  EXPECT_THROW(WriteRing{m.buffer()}, CorruptedError);
  m.set_writer(0, payload + 1, 0);
  EXPECT_THROW(WriteRing{m.buffer()}, CorruptedError);
  m.set_writer(0, payload, 0);
  const WriteRing writer(m.buffer());
  m.info().payload_free_bytes = ~std::uint64_t{0};
  EXPECT_THROW(static_cast<void>(writer.free_bytes()), CorruptedError);
}

TEST(StreamRing, AnAcquiredFrameChangesNothingButItsOwnBytes) {
  const Memory m;
  m.set_writer(900, payload, 3);
  const WriteRing writer(m.buffer());
  std::vector<std::byte> before(m.bytes().begin(), m.bytes().end());
  const Place place = writer.place(200);
  std::memset(writer.data_at(place), 0x11, place.size);
  const std::size_t data = m.buffer().layout().payload.offset + header;
  std::memset(before.data() + data, 0x11, place.size);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), m.bytes().begin()));
}

// The reader.

TEST(StreamRing, ATailWithoutMarkerIsPassed) {
  for (std::uint64_t tail = 1; tail < header; ++tail) {
    for (const int stale : {0x00, 0xFF}) {
      const Memory m;
      std::memset(m.bytes().data() + m.buffer().layout().payload.offset, stale, payload);
      ReadRing reader(m.buffer());
      // As a published writer does it: the first frame ends `tail` bytes before the end, the second one starts over.
      m.put_header(0, payload - tail - header, 1);
      m.set_writer(payload - tail, tail, 1);
      release(reader, read(reader), 1);
      m.put_header(0, 200, 2);
      m.set_writer(216, payload - tail - 216, 2);
      const TakenFrame frame = read(reader);
      EXPECT_EQ(2U, frame.sequence);
      EXPECT_EQ((Counters{payload - 216, 216, 216, 2, 2}), counters(m)) << "the tail is credited and does not count";
      release(reader, frame, 1);
      EXPECT_EQ(payload, m.info().payload_free_bytes);
    }
  }
}

template <typename Exception>
void expect_refused(std::uint64_t size, std::uint64_t sequence, const char* what) {
  const Memory m;
  const ReadRing reader(m.buffer());
  m.put_header(0, size, sequence);
  m.set_writer(116, 908, 1);
  try {
    static_cast<void>(reader.look());
    ADD_FAILURE() << "size " << size << ", sequence " << sequence;
  } catch (const Exception& e) {
    EXPECT_NE(std::string::npos, e.detail().find(what)) << e.detail();
  }
  EXPECT_EQ((Counters{908, 116, 0, 1, 0}), counters(m)) << "nothing was credited or counted";
}

TEST(StreamRing, HeadersThatNoWriterWrites) {
  expect_refused<CorruptedError>(0, 0, "wrap marker");
  expect_refused<CorruptedError>(0, 1, "claims 0 bytes");
  expect_refused<CorruptedError>(payload - header + 1, 1, "claims 1009 bytes");
  expect_refused<CorruptedError>(~std::uint64_t{0}, 1, "claims");
  expect_refused<CorruptedError>(~std::uint64_t{0} - header + 1, 1, "claims");
  expect_refused<SequenceError>(100, 2, "frame 1 is expected at position 0, got 2");
  expect_refused<SequenceError>(100, 0, "got 0");
}

TEST(StreamRing, AFrameThatCrossesTheEndAndMarkersWhereNoneCanBe) {
  const Memory m;
  ReadRing reader(m.buffer());
  m.put_header(0, 484, 1);
  m.set_writer(500, 524, 1);
  release(reader, read(reader), 1);
  m.info().payload_written_count = 2;
  m.put_header(500, 509, 2);
  EXPECT_THROW(static_cast<void>(reader.look()), CorruptedError);
  m.put_header(500, 508, 2);
  EXPECT_EQ(500U, reader.look().position) << "up to the end is right";
  m.put_header(500, 0, 0);
  m.put_header(0, 0, 0);
  EXPECT_THROW(static_cast<void>(reader.look()), CorruptedError) << "two markers in a row";
  m.put_header(0, 10, 2);
  const FoundFrame found = reader.look();
  EXPECT_EQ(0U, found.position);
  EXPECT_EQ(524U, found.waste);
  EXPECT_EQ(1U, found.markers);
}

TEST(StreamRing, ABufferWithoutPayloadHasNoFrames) {
  const Memory m(0);
  EXPECT_THROW(static_cast<void>(ReadRing(m.buffer()).look()), CorruptedError);
  const WriteRing writer(m.buffer());
  EXPECT_THROW(writer.check_size(1), FrameTooLargeError);
  EXPECT_EQ(0U, writer.largest_placeable(100));
}

TEST(StreamRing, ASequenceThatStartsOverIsANewWriters) {
  const Memory m;
  ReadRing reader(m.buffer());
  {
    WriteRing first(m.buffer());
    for (int i = 0; i < 3; ++i) write(m, first, 10, 1);
  }
  for (int i = 0; i < 3; ++i) release(reader, read(reader), 1);
  WriteRing second(m.buffer());
  write(m, second, 10, 1);
  write(m, second, 10, 1);
  FoundFrame found = reader.look();
  EXPECT_TRUE(found.is_first());
  release(reader, read(reader), 1);
  found = reader.look();
  EXPECT_EQ(2U, found.sequence);
  EXPECT_FALSE(found.is_first());
  m.put_header(found.position, 10, 4);
  EXPECT_THROW(static_cast<void>(reader.look()), SequenceError);
}

TEST(StreamRing, RoomGoesBackInOrder) {
  const Memory m;
  WriteRing writer(m.buffer());
  ReadRing reader(m.buffer());
  for (std::uint64_t i = 0; i < 4; ++i) write(m, writer, 100, i);
  const std::array frames{read(reader), read(reader), read(reader), read(reader)};
  const std::uint64_t free = payload - 4 * 116;
  release(reader, frames[2], 0);
  release(reader, frames[1], 0);
  EXPECT_EQ(free, m.info().payload_free_bytes);
  release(reader, frames[0], 3);
  EXPECT_EQ(free + 3 * 116, m.info().payload_free_bytes);
  release(reader, frames[3], 1);
  EXPECT_EQ(payload, m.info().payload_free_bytes);
}

TEST(StreamRing, WasteBehindAFrameThatIsHeldIsNotGivenBackBeforeIt) {
  const Memory m;
  WriteRing writer(m.buffer());
  ReadRing reader(m.buffer());
  write(m, writer, 484, 1);
  write(m, writer, 84, 2);  // at 500
  release(reader, read(reader), 1);
  const TakenFrame held = read(reader);
  write(m, writer, 434, 3);  // does not fit behind 600: at 0, and 424 bytes are wasted
  const TakenFrame behind = read(reader);
  EXPECT_EQ(450U, m.info().payload_write_pos);
  // Were the waste free, a frame of 450 bytes would be let in and overwrite what is held at 500.
  EXPECT_LT(m.info().payload_free_bytes, 450U);
  EXPECT_THROW(write(m, writer, 434, 4), BufferFullError);
  EXPECT_EQ(test::pattern(2, 84), std::vector<std::byte>(held.data, held.data + held.size));
  release(reader, behind, 0);
  release(reader, held, 2);
  EXPECT_EQ(payload, m.info().payload_free_bytes);
}

TEST(StreamRing, MoreFreeThanThereIsIsFound) {
  const Memory m;
  WriteRing writer(m.buffer());
  ReadRing reader(m.buffer());
  write(m, writer, 100, 1);
  const TakenFrame frame = read(reader);
  m.info().payload_free_bytes = payload;
  EXPECT_FALSE(reader.release(frame.slot).sound);
  m.info().payload_free_bytes = payload;
  write(m, writer, 100, 1);
  const TakenFrame next = read(reader);
  m.info().payload_free_bytes = ~std::uint64_t{0};
  EXPECT_FALSE(reader.release(next.slot).sound) << "also where the sum overflows";
}

TEST(StreamRing, WhatADyingWriterLeftIsTakenOnlyWhenItIsSurelyTheNext) {
  const Memory m;
  ReadRing reader(m.buffer());
  FoundFrame found;
  EXPECT_FALSE(reader.is_surely_next(found)) << "nothing is written";
  m.info().payload_written_count = 1;
  m.put_header(0, 100, 1);
  EXPECT_TRUE(reader.is_surely_next(found));
  m.put_header(0, 100, 2);
  EXPECT_FALSE(reader.is_surely_next(found)) << "another sequence number";
  m.put_header(0, 0, 1);
  EXPECT_FALSE(reader.is_surely_next(found)) << "an impossible size";
  m.put_header(0, 484, 1);
  m.info().payload_free_bytes = 524;
  release(reader, read(reader), 1);
  m.put_header(500, 0, 0);
  m.put_header(0, 100, 2);
  m.info().payload_written_count = 2;
  EXPECT_FALSE(reader.is_surely_next(found)) << "only the marker was counted";
  m.info().payload_written_count = 3;
  EXPECT_TRUE(reader.is_surely_next(found));
  EXPECT_EQ(0U, found.position);
  m.put_header(500, 100, 1);
  EXPECT_FALSE(reader.is_surely_next(found)) << "that would be a new writer's";
}

/// Random sizes, frames held and released in any order; what is held is compared when it is released.
TEST(StreamRing, RandomFramesKeepTheirBytesUntilTheyAreReleased) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Memory m(seed % 2 == 0 ? 4096 : 1024);
    WriteRing writer(m.buffer());
    ReadRing reader(m.buffer());
    std::mt19937_64 random(seed);
    std::deque<std::uint64_t> unread;
    std::vector<std::pair<TakenFrame, std::uint64_t>> held;
    std::uint64_t next = 0;
    for (int step = 0; step < 4000; ++step) {
      const auto what = random() % 3;
      if (what == 0) {
        try {
          write(m, writer, 1 + random() % 300, next);
          unread.push_back(next++);
        } catch (const BufferFullError&) {
        }
      } else if (what == 1 && !unread.empty()) {
        held.emplace_back(read(reader), unread.front());
        unread.pop_front();
      } else if (what == 2 && !held.empty()) {
        const std::size_t i = held.size() > 8 ? 0 : random() % held.size();
        const auto [frame, content] = held[i];
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
        ASSERT_EQ(test::pattern(content, frame.size), std::vector<std::byte>(frame.data, frame.data + frame.size)) << seed;
        ASSERT_TRUE(reader.release(frame.slot).sound);
      }
      const std::uint64_t tail = m.buffer().payload_size() - m.info().payload_write_pos;
      ASSERT_GE(tail, header);
    }
    while (!unread.empty()) {
      held.emplace_back(read(reader), unread.front());
      unread.pop_front();
    }
    for (const auto& [frame, content] : held) ASSERT_TRUE(reader.release(frame.slot).sound);
    EXPECT_EQ(m.buffer().payload_size(), m.info().payload_free_bytes);
    EXPECT_EQ(m.info().payload_written_count, m.info().payload_read_count);
  }
}

}  // namespace
}  // namespace zeroduplex::stream
