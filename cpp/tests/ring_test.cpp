// The ring alone, both ends on one thread over heap memory: no semaphores, no locks, no time.

#include <cstring>
#include <deque>
#include <random>

#include <gtest/gtest.h>
#include <zeroduplex/error.hpp>

#include "ring/atomic_fields.hpp"
#include "ring/client_ring.hpp"
#include "ring/frame_state.hpp"
#include "ring/identity.hpp"
#include "ring/segment.hpp"
#include "ring/server_cursor.hpp"
#include "support.hpp"

namespace zeroduplex::ring {
namespace {

using wire::FrameState;

class Ring : public testing::Test {
 protected:
  void make(std::uint64_t payload, Lap lap = Lap::eager) {
    const auto layout = *wire::resolve_segment_v2(0, 0, payload);
    memory_ = std::make_unique<test::HeapMemory>(layout.length);
    const auto bytes = memory_->view().bytes();
    std::memset(bytes.data(), 0, layout.payload.offset);
    segment_ = Segment(bytes.data(), layout);
    initialise(segment_, 1);
    client_.emplace(segment_, lap);
    cursor_.emplace(segment_);
    published_ = 0;
  }

  /// Publishes a frame filled with a pattern of its sequence number. 0 when there is no room.
  std::uint64_t publish(std::uint64_t size, std::uint64_t capacity = 0, bool one_way = false) {
    client_->reclaim();
    std::byte* data = client_->reserve(round_up(std::max(size, capacity)));
    if (data == nullptr) return 0;
    const auto content = test::pattern(++published_, size);
    if (size > 0) std::memcpy(data, content.data(), size);
    return client_->publish(size, 0, one_way).sequence;
  }

  std::optional<RequestFrame> look() {
    RequestFrame frame;
    if (!cursor_->look(frame)) return std::nullopt;
    return frame;
  }

  RequestFrame take() {
    auto frame = look();
    if (!frame) throw std::runtime_error("nothing published");
    if (!cursor_->take(*frame)) throw std::runtime_error("not taken");
    const auto expected = test::pattern(frame->sequence, frame->size);
    EXPECT_EQ(0, frame->size == 0 ? 0 : std::memcmp(expected.data(), frame->data, frame->size)) << "frame " << frame->sequence;
    return *frame;
  }

  void answer(const RequestFrame& frame) {
    for (std::uint64_t i = 0; i < frame.size; ++i) frame.data[i] = ~frame.data[i];
    frame.answer(FrameState::response, frame.size, 0);
    cursor_->count_response(frame.size);
  }

  void consume(std::uint64_t sequence) {
    InFlight* frame = client_->find(sequence);
    ASSERT_NE(nullptr, frame);
    const auto answer = client_->answer(*frame);
    ASSERT_TRUE(answer.has_value());
    const auto request = test::pattern(sequence, answer->size);
    EXPECT_TRUE(test::is_complement({answer->data, answer->size}, request)) << "frame " << sequence;
    client_->release(*frame);
    client_->reclaim();
  }

  void consume_answered(std::uint64_t sequence) {
    answer(take());
    consume(sequence);
  }

  wire::OiebV2& request() { return segment_.request(); }

  std::unique_ptr<test::HeapMemory> memory_;
  Segment segment_;
  std::optional<ClientRing> client_;
  std::optional<ServerCursor> cursor_;
  std::uint64_t published_ = 0;
};

TEST_F(Ring, EverySizeAroundTheAlignmentComesBack) {
  make(4096);
  for (const std::uint64_t size : {0U, 1U, 63U, 64U, 65U, 127U, 128U, 4032U}) {
    const auto sequence = publish(size);
    ASSERT_NE(0U, sequence) << size;
    answer(take());
    consume(sequence);
  }
}

/// Sends a small frame and then the largest one, from every position: v1 cannot send the second one (its dead zone).
TEST_F(Ring, TheLargestFrameFitsAtEveryPosition) {
  for (const Lap lap : {Lap::eager, Lap::needed}) {
    make(1024, lap);
    for (int i = 0; i < 100; ++i) {
      for (const std::uint64_t size : {static_cast<std::uint64_t>(i % 10) * 64, std::uint64_t{1024 - 64}}) {
        const auto sequence = publish(size);
        ASSERT_NE(0U, sequence) << "round " << i;
        answer(take());
        consume(sequence);
        ASSERT_EQ(1024U, client_->free_bytes());
      }
    }
  }
}

TEST_F(Ring, EagerLapStaysAtTheStart) {
  make(4096);
  for (int i = 0; i < 10; ++i) {
    const auto sequence = publish(64);
    EXPECT_EQ(0U, client_->find(sequence)->position);
    answer(take());
    consume(sequence);
  }
}

TEST_F(Ring, NeededLapWalksTheRing) {
  make(4096, Lap::needed);
  std::uint64_t expected = 0;
  for (int i = 0; i < 100; ++i) {
    const auto sequence = publish(64);
    EXPECT_EQ(expected, client_->find(sequence)->position);
    expected = (expected + 128) % 4096;
    answer(take());
    consume(sequence);
  }
}

TEST_F(Ring, MarkedWrapWithFramesInFlight) {
  make(512);
  const auto a = publish(64);   // 0..128
  const auto b = publish(192);  // 128..384
  answer(take());
  consume(a);
  // 128 bytes to the end, 128 free at the start: 192 do not fit before the end, nor behind the wrap.
  EXPECT_EQ(0U, publish(128));
  const auto c = publish(64);  // 384..512
  EXPECT_EQ(384U, client_->find(c)->position);
  answer(take());
  answer(take());
  consume(b);
  const auto d = publish(128);  // exactly at the end: no marker
  EXPECT_EQ(0U, client_->find(d)->position);
  consume(c);
  answer(take());
  EXPECT_EQ(512U - 192U, client_->free_bytes());
}

TEST_F(Ring, WasteIsReclaimedOnceTheCursorHasPassedTheFrameBehindIt) {
  make(512);
  const auto a = publish(128);  // 0..192
  const auto b = publish(128);  // 192..384
  answer(take());
  consume(a);
  const auto c = publish(64);  // 384..512 fits
  answer(take());
  answer(take());
  consume(b);
  const auto d = publish(0);  // 0..64
  consume(c);
  const auto e = publish(320 - 64);  // 64..384
  ASSERT_NE(0U, e);
  answer(take());
  consume(d);
  // 128 to the end, 64 at the start: a frame of 64 goes before the end, then one of 0 data wraps without waste.
  const auto f = publish(0);  // 384..448
  ASSERT_NE(0U, f);
  answer(take());
  consume(e);
  const std::uint64_t before = client_->free_bytes();
  const auto g = publish(64);  // 64 to the end: a marker there, the frame at 0
  ASSERT_NE(0U, g);
  EXPECT_EQ(0U, client_->find(g)->position);
  EXPECT_EQ(before - 64 - 128, client_->free_bytes());
  answer(take());
  consume(f);  // now the waste is the oldest thing, and its frame was passed
  answer(take());
  client_->reclaim();
  EXPECT_EQ(512U - 128U, client_->free_bytes());
  consume(g);
  EXPECT_EQ(512U, client_->free_bytes());
}

TEST_F(Ring, AnAbortedClaimLeavesNoTrace) {
  make(512);
  ASSERT_NE(nullptr, client_->reserve(128));
  client_->abort();
  EXPECT_EQ(0U, load_acquire(request().payload_written_bytes));
  const auto a = publish(64);
  ASSERT_NE(nullptr, client_->reserve(128));
  client_->abort();
  const auto b = publish(64);
  EXPECT_EQ(128U, client_->find(b)->position);
  answer(take());
  answer(take());
  consume(b);  // out of order
  EXPECT_EQ(256U, client_->free_bytes());
  consume(a);
  EXPECT_EQ(512U, client_->free_bytes());
}

/// The steps that do several at once leave the same bytes behind as these, one by one.
TEST_F(Ring, OneStepIsWhatSeveralAre) {
  for (const Lap lap : {Lap::eager, Lap::needed}) {
    for (const std::uint64_t payload : {128U, 192U, 640U}) {
      const auto run = [&](bool at_once) {
        make(payload, lap);
        const auto memory = memory_->view().bytes();
        std::memset(segment_.data_at(0) - wire::frame_header_v2_size, 0, payload);
        std::vector<std::vector<std::byte>> seen;
        const auto look_at_it = [&] { seen.emplace_back(memory.begin(), memory.end()); };
        consume_answered(publish(0));  // the list of frames has room from now on
        for (std::uint64_t i = 0; i < 40; ++i) {
          const std::uint64_t size = i * 29 % (payload - 63);
          const std::uint64_t capacity = round_up(size);
          std::uint64_t sequence = 0;
          if (at_once) {
            const InFlight* const frame = client_->publish_alone(test::pattern(++published_, size), capacity, 0);
            if (frame != nullptr) sequence = frame->sequence;
          } else {
            sequence = publish(size);
          }
          look_at_it();
          answer(take());
          if (at_once) {
            EXPECT_TRUE(client_->release_alone(sequence));
          } else {
            consume(sequence);
          }
          look_at_it();
          EXPECT_EQ(payload, client_->free_bytes());
        }
        EXPECT_TRUE(cursor_->is_drained());
        return seen;
      };
      const auto one_by_one = run(false);
      EXPECT_EQ(one_by_one, run(true)) << "payload " << payload;
    }
  }
}

TEST_F(Ring, WhatIsNotAloneIsDoneStepByStep) {
  make(512);
  const auto data = test::pattern(1, 64);
  const auto sends = [&](std::uint64_t capacity) { return client_->publish_alone(data, capacity, 0) != nullptr; };
  EXPECT_FALSE(sends(64)) << "the list of frames has no room yet";
  consume_answered(publish(64));
  EXPECT_FALSE(sends(512)) << "it can never fit";
  ASSERT_NE(nullptr, client_->reserve(64));
  EXPECT_FALSE(sends(64)) << "a claim is open";
  client_->abort();
  const auto a = publish(64);
  EXPECT_FALSE(sends(64)) << "a frame is in flight";
  const auto b = publish(64);
  EXPECT_EQ(3U, b) << "nothing was done meanwhile";
  answer(take());
  answer(take());
  EXPECT_FALSE(client_->release_alone(b)) << "another one is in flight";
  EXPECT_EQ(1U, load_acquire(segment_.response().payload_read_count)) << "nothing was done";
  consume(a);
  EXPECT_FALSE(client_->release_alone(a)) << "it is not in flight any more";
  EXPECT_TRUE(client_->release_alone(b));
  EXPECT_EQ(512U, client_->free_bytes());
}

TEST_F(Ring, CancelBeforeAndAfterTheServerTookIt) {
  make(1024);
  const auto a = publish(64);
  const auto b = publish(64);
  const auto taken = take();
  EXPECT_FALSE(client_->cancel(*client_->find(a)));
  EXPECT_TRUE(client_->cancel(*client_->find(b)));
  auto frame = look();
  ASSERT_TRUE(frame && frame->cancelled);
  cursor_->skip(*frame);
  EXPECT_EQ(2U, load_acquire(request().payload_read_count));
  answer(taken);
  consume(a);
  EXPECT_EQ(nullptr, client_->find(b)) << "a cancelled frame is reclaimed once the server has skipped it";
  EXPECT_EQ(1024U, client_->free_bytes());
}

TEST_F(Ring, OneWayFramesAreReclaimedByTheirState) {
  make(256);
  ASSERT_NE(0U, publish(64, 0, true));
  ASSERT_NE(0U, publish(64, 0, true));
  EXPECT_EQ(0U, publish(64, 0, true));
  const auto frame = take();
  EXPECT_TRUE(frame.one_way);
  client_->reclaim();
  EXPECT_EQ(0U, client_->free_bytes());
  frame.finish();
  EXPECT_FALSE(client_->reclaim()) << "nothing was answered late";
  EXPECT_EQ(128U, client_->free_bytes());
  EXPECT_NE(0U, publish(64, 0, true));
}

TEST_F(Ring, ALateAnswerToAnAbandonedFrameIsReleasedUnread) {
  make(256);
  publish(64);
  const auto frame = take();
  client_->abandon(*client_->find(1));
  EXPECT_TRUE(frame.is_abandoned());
  client_->reclaim();
  EXPECT_EQ(128U, client_->free_bytes());
  EXPECT_FALSE(cursor_->is_drained() && client_->free_bytes() == 256U);
  answer(frame);
  EXPECT_FALSE(cursor_->is_drained());
  EXPECT_TRUE(client_->reclaim()) << "a draining server has to be told";
  EXPECT_EQ(256U, client_->free_bytes());
  EXPECT_TRUE(cursor_->is_drained());
}

TEST_F(Ring, ACancelledFrameIsKeptWhileItsWaiterLooksAtIt) {
  make(256);
  publish(64);
  ring::InFlight& frame = *client_->find(1);
  frame.claimed = true;
  EXPECT_TRUE(client_->cancel(frame));
  const auto skipped = look();
  ASSERT_TRUE(skipped && skipped->cancelled);
  cursor_->skip(*skipped);
  client_->reclaim();
  EXPECT_EQ(128U, client_->free_bytes())
      << "its bytes could become another request, and the waiter take that one's answer for its own";
  client_->find(1)->claimed = false;
  client_->reclaim();
  EXPECT_EQ(256U, client_->free_bytes());
}

TEST_F(Ring, AnAnswerThatIsThereIsReleasedByAbandoningIt) {
  make(256);
  publish(64);
  answer(take());
  client_->abandon(*client_->find(1));
  EXPECT_TRUE(client_->find(1)->released);
  EXPECT_TRUE(cursor_->is_drained());
}

/// Random sizes, random number in flight, random order of answers and of consumption, every payload size class.
TEST_F(Ring, RandomTraffic) {
  std::mt19937_64 random(42);
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t payload = 128 + 64 * (random() % 40);
    make(payload, round % 2 == 0 ? Lap::eager : Lap::needed);
    std::vector<RequestFrame> taken;
    std::vector<std::uint64_t> answered;
    std::size_t untaken = 0;
    for (int step = 0; step < 2000; ++step) {
      switch (random() % 4) {
        case 0: {
          const std::uint64_t size = random() % (payload - 64 + 1);
          const bool nothing_in_flight = client_->in_flight() == 0;
          if (publish(random() % 3 == 0 ? size : size % 130 % (payload - 63)) != 0) {
            ++untaken;
          } else {
            ASSERT_FALSE(nothing_in_flight) << "whatever fits the payload fits when nothing is in flight";
          }
          break;
        }
        case 1:
          if (untaken == 0) break;
          taken.push_back(take());
          --untaken;
          break;
        case 2: {
          if (taken.empty()) break;
          const std::size_t i = random() % taken.size();
          answer(taken[i]);
          answered.push_back(taken[i].sequence);
          taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(i));
          break;
        }
        default: {
          if (answered.empty()) break;
          const std::size_t i = random() % answered.size();
          consume(answered[i]);
          answered.erase(answered.begin() + static_cast<std::ptrdiff_t>(i));
        }
      }
      ASSERT_LE(client_->free_bytes(), payload);
      ASSERT_EQ(load_acquire(request().payload_free_bytes), client_->free_bytes());
      ASSERT_EQ(load_acquire(segment_.response().payload_free_bytes), client_->free_bytes());
    }
    while (untaken > 0) {
      taken.push_back(take());
      --untaken;
    }
    for (const auto& frame : taken) {
      answer(frame);
      answered.push_back(frame.sequence);
    }
    for (const auto sequence : answered) consume(sequence);
    EXPECT_EQ(payload, client_->free_bytes());
    EXPECT_TRUE(cursor_->is_drained());
    EXPECT_EQ(published_, load_acquire(request().payload_read_count));
  }
}

/// Every pair of positions and sizes in a small ring: the server must land on each frame, with and without laps.
TEST_F(Ring, EveryStartAndSize) {
  constexpr std::uint64_t payload = 640;
  for (const Lap lap : {Lap::eager, Lap::needed}) {
    for (std::uint64_t lead = 0; lead <= payload - 64; lead += 64) {
      for (std::uint64_t size = 0; size <= payload - 64; size += 64) {
        make(payload, lap);
        const auto first = publish(lead);
        answer(take());
        consume(first);
        const auto second = publish(size);
        ASSERT_NE(0U, second) << lead << " " << size;
        const auto third = publish(0);
        answer(take());
        if (third != 0) answer(take());
        consume(second);
        if (third != 0) consume(third);
        ASSERT_EQ(payload, client_->free_bytes());
      }
    }
  }
}

TEST_F(Ring, AResetStartsAnew) {
  make(512);
  publish(64);
  answer(take());
  cursor_->reset();
  client_.emplace(segment_, Lap::eager);
  published_ = 0;
  EXPECT_FALSE(look().has_value());
  const auto sequence = publish(64);
  EXPECT_EQ(1U, sequence);
  answer(take());
  consume(sequence);
}

// What a peer that writes nonsense must not be able to do.

class Corruption : public Ring {
 protected:
  void expect_corrupted(const char* why) {
    try {
      static_cast<void>(look());
      FAIL() << "accepted: " << why;
    } catch (const CorruptedError&) {
    }
  }
  wire::FrameHeaderV2& header() { return segment_.header_at(0); }
};

TEST_F(Corruption, HeaderFields) {
  struct Case {
    const char* why;
    void (*damage)(wire::FrameHeaderV2&);
  };
  constexpr Case cases[] = {
      {"sequence", [](wire::FrameHeaderV2& h) { h.sequence_number = 2; }},
      {"capacity unaligned", [](wire::FrameHeaderV2& h) { h.capacity = 65; }},
      {"capacity past what is written", [](wire::FrameHeaderV2& h) { h.capacity = 128; }},
      {"capacity past the end", [](wire::FrameHeaderV2& h) { h.capacity = 1024; }},
      {"capacity overflowing", [](wire::FrameHeaderV2& h) { h.capacity = ~std::uint64_t{63}; }},
      {"size above capacity", [](wire::FrameHeaderV2& h) { h.payload_size = 65; }},
      {"state free", [](wire::FrameHeaderV2& h) { store_state(h, FrameState::free); }},
      {"state processing", [](wire::FrameHeaderV2& h) { store_state(h, FrameState::processing); }},
      {"state response", [](wire::FrameHeaderV2& h) { store_state(h, FrameState::response); }},
      {"state consumed", [](wire::FrameHeaderV2& h) { store_state(h, FrameState::consumed); }},
      {"no state", [](wire::FrameHeaderV2& h) { store_release(h.state, std::int32_t{77}); }},
      {"wrap at 0", [](wire::FrameHeaderV2& h) { store_state(h, FrameState::wrap); }},
  };
  for (const Case& c : cases) {
    make(1024);
    publish(64);
    c.damage(header());
    expect_corrupted(c.why);
  }
}

TEST_F(Corruption, Counters) {
  make(1024);
  store_release(request().payload_written_count, std::uint64_t{1});
  expect_corrupted("a count without bytes");

  make(1024);
  publish(64);
  store_release(request().payload_written_bytes, std::uint64_t{129});
  expect_corrupted("bytes unaligned");
  store_release(request().payload_written_bytes, std::uint64_t{3 * 1024});
  expect_corrupted("bytes too far ahead");
  store_release(request().payload_written_bytes, ~std::uint64_t{63});
  expect_corrupted("bytes behind the cursor");

  make(1024);
  publish(64);
  answer(take());
  store_release(request().payload_written_count, std::uint64_t{0});
  expect_corrupted("the count went back");
}

TEST_F(Corruption, TwoWrapMarkersInARow) {
  make(512);
  publish(64);
  answer(take());
  store_state(segment_.header_at(128), FrameState::wrap);
  store_state(segment_.header_at(0), FrameState::wrap);
  store_release(request().payload_written_bytes, std::uint64_t{512 + 64});
  store_release(request().payload_written_count, std::uint64_t{2});
  expect_corrupted("two markers");
}

TEST_F(Corruption, AMarkerWithNothingBehindIt) {
  make(512);
  publish(64);
  answer(take());
  store_state(segment_.header_at(128), FrameState::wrap);
  store_release(request().payload_written_bytes, std::uint64_t{256});
  store_release(request().payload_written_count, std::uint64_t{2});
  expect_corrupted("a marker alone");
}

TEST_F(Corruption, TheServerCannotMakeTheClientReadBeyondItsFrame) {
  make(512);
  publish(64);
  const auto frame = take();
  frame.answer(FrameState::response, 65, 0);
  EXPECT_THROW(static_cast<void>(client_->answer(*client_->find(1))), CorruptedError);
}

TEST_F(Corruption, StatesThatNoServerStores) {
  make(512);
  publish(64);
  for (const auto state : {FrameState::free, FrameState::wrap, FrameState::consumed, FrameState::cancelled}) {
    store_state(header(), state);
    EXPECT_THROW(static_cast<void>(client_->answer(*client_->find(1))), CorruptedError);
  }
  make(512);
  publish(64, 0, true);
  store_state(header(), FrameState::response);
  EXPECT_THROW(client_->reclaim(), CorruptedError);
}

TEST_F(Corruption, AStateThatChangesBetweenLookAndTake) {
  make(512);
  publish(64);
  const auto frame = look();
  store_state(header(), FrameState::response);
  EXPECT_THROW(static_cast<void>(cursor_->take(*frame)), CorruptedError);
}

}  // namespace
}  // namespace zeroduplex::ring
