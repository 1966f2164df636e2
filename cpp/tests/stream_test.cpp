// Reader and writer of v1 buffers in one process: what they promise.

#include <atomic>
#include <cstring>
#include <deque>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <zeroduplex/zeroduplex.hpp>

#include "raw_stream.hpp"
#include "support.hpp"

namespace zeroduplex {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::eventually;
using test::Name;
using test::pattern;
using test::RawStream;
using test::text;

const BufferConfig small(64, 1024);

WriterOptions connect_within(std::chrono::milliseconds timeout) {
  WriterOptions options;
  options.connect_timeout = timeout;
  return options;
}

std::vector<std::byte> content(const ReceivedFrame& frame) { return {frame.data().begin(), frame.data().end()}; }

TEST(Stream, FramesArriveInOrder) {
  const Name name;
  Reader reader(name, BufferConfig(100, 4000));
  Writer writer(name);
  EXPECT_EQ(name.str(), reader.name());
  EXPECT_EQ(name.str(), writer.name());
  for (std::uint64_t n = 1; n <= 2000; ++n) {
    const auto sent = pattern(n, 1 + n % 700);
    EXPECT_EQ(n, writer.writeFrame(sent));
    const auto frame = reader.readFrame();
    ASSERT_EQ(n, frame.sequence());
    ASSERT_EQ(sent, content(frame));
    ASSERT_EQ(sent.size(), frame.size());
  }
  const RawStream raw(name);
  EXPECT_EQ(4032U, raw.info().payload_size) << "rounded up to 64";
  EXPECT_EQ(128U, raw.info().metadata_size);
  EXPECT_EQ(raw.info().payload_written_count, raw.info().payload_read_count);
  EXPECT_EQ(raw.info().payload_size, raw.info().payload_free_bytes);
}

TEST(Stream, TheDefaultsAreThoseOfV1) {
  EXPECT_EQ(4096U, BufferConfig::defaultV1().metadataSize());
  EXPECT_EQ(256U << 20U, BufferConfig::defaultV1().payloadSize());
  EXPECT_EQ(5s, ReaderOptions().read_timeout);
  EXPECT_EQ(0600U, ReaderOptions().mode);
  EXPECT_EQ(5s, WriterOptions().connect_timeout);
  EXPECT_EQ(5s, WriterOptions().write_timeout);
  const Name name;
  const Reader reader(name);
  EXPECT_EQ(256U << 20U, RawStream(name).info().payload_size);
}

TEST(Stream, AcquiredFramesAreFilledInPlace) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  const RawStream raw(name);
  auto buffer = writer.acquireFrameBuffer(100);
  EXPECT_EQ(100U, buffer.size());
  const auto sent = pattern(1, 100);
  std::copy(sent.begin(), sent.end(), buffer.data().begin());
  EXPECT_EQ(1024U, raw.info().payload_free_bytes) << "nothing is published";
  EXPECT_EQ(0U, raw.written().value());
  EXPECT_THROW(reader.readFrame(0), TimeoutError);
  EXPECT_EQ(1U, buffer.commit());
  EXPECT_EQ(sent, content(reader.readFrame()));
}

TEST(Stream, AnAbortedFrameLeavesNoGap) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  { const auto dropped = writer.acquireFrameBuffer(10); }
  auto aborted = writer.acquireFrameBuffer(20);
  aborted.abort();
  aborted.abort();
  EXPECT_EQ(1U, writer.writeFrame(bytes("x")));
  EXPECT_EQ(1U, reader.readFrame().sequence());
  EXPECT_EQ(17U, RawStream(name).info().payload_write_pos);
}

TEST(Stream, ViewsFailClearlyWhenTheyAreOver) {
  const Name name;
  auto reader = std::make_unique<Reader>(name, small);
  Writer writer(name);
  writer.writeFrame(bytes("a"));
  writer.writeFrame(bytes("b"));
  auto first = reader->readFrame();
  auto second = reader->readFrame();
  first.release();
  first.release();
  EXPECT_THROW(static_cast<void>(first.data()), FrameReleasedError);
  EXPECT_THROW(static_cast<void>(first.size()), FrameReleasedError);
  EXPECT_THROW(static_cast<void>(first.sequence()), FrameReleasedError);
  auto moved = std::move(second);
  EXPECT_THROW(static_cast<void>(second.data()), FrameReleasedError);  // NOLINT(bugprone-use-after-move)
  first = std::move(moved);
  EXPECT_EQ("b", text(first.data()));
  reader.reset();
  EXPECT_EQ("b", text(first.data())) << "it outlives its reader";
  first.release();
  EXPECT_THROW(static_cast<void>(first.data()), FrameReleasedError);

  const Name other;
  const Reader another(other, small);
  auto owner = std::make_unique<Writer>(other);
  auto buffer = owner->acquireFrameBuffer(3);
  buffer.commit();
  EXPECT_THROW(buffer.commit(), FrameReleasedError);
  EXPECT_THROW(static_cast<void>(buffer.data()), FrameReleasedError);
  EXPECT_THROW(static_cast<void>(buffer.size()), FrameReleasedError);
  auto late = owner->acquireFrameBuffer(3);
  owner.reset();
  late.data()[0] = std::byte{1};  // still mapped
  EXPECT_THROW(late.commit(), ClosedError);
}

TEST(Stream, Metadata) {
  const Name name;
  Reader reader(name, BufferConfig(256, 1024));
  EXPECT_FALSE(reader.metadata().has_value());
  Writer writer(name);
  EXPECT_EQ(ErrorCode::metadata_too_large, [&] {
    try {
      writer.setMetadata(pattern(1, 249));
    } catch (const MetadataTooLargeError& e) {
      return e.code();
    }
    return ErrorCode::system;
  }());
  EXPECT_FALSE(reader.metadata().has_value());
  writer.setMetadata(pattern(1, 45));
  EXPECT_EQ(pattern(1, 45), reader.metadata());
  const RawStream raw(name);
  EXPECT_EQ(53U, raw.info().metadata_written_bytes);
  EXPECT_EQ(203U, raw.info().metadata_free_bytes);
  EXPECT_THROW(writer.setMetadata(pattern(2, 3)), MetadataAlreadyWrittenError);
  writer.close();
  Writer next(name);
  EXPECT_THROW(next.setMetadata(pattern(2, 3)), MetadataAlreadyWrittenError) << "once per buffer, not per writer";
  EXPECT_EQ(pattern(1, 45), reader.metadata());
}

TEST(Stream, MetadataOfNoBytesAndOfAllThatFit) {
  {
    const Name name;
    const Reader reader(name, BufferConfig(256, 64));
    Writer(name).setMetadata({});
    ASSERT_TRUE(reader.metadata().has_value());
    EXPECT_TRUE(reader.metadata()->empty());
  }
  {
    const Name name;
    const Reader reader(name, BufferConfig(256, 64));
    Writer(name).setMetadata(pattern(1, 248));
    EXPECT_EQ(pattern(1, 248), reader.metadata());
  }
  {
    const Name name;
    const Reader reader(name, BufferConfig(0, 64));
    EXPECT_THROW(Writer(name).setMetadata({}), MetadataTooLargeError);
    EXPECT_FALSE(reader.metadata().has_value());
  }
}

TEST(Stream, MetadataThatCannotBe) {
  const Name name;
  const Reader reader(name, BufferConfig(64, 64));
  const RawStream raw(name);
  const auto refused = [&](std::uint64_t written, std::uint64_t length) {
    raw.info().metadata_written_bytes = written;
    std::memcpy(raw.buffer().metadata().data(), &length, sizeof length);
    EXPECT_THROW(static_cast<void>(reader.metadata()), CorruptedError) << written << ", " << length;
  };
  refused(7, 0);
  refused(65, 1);
  refused(18, 11);
  refused(8, ~std::uint64_t{0});
  raw.info().metadata_written_bytes = 18;
  const std::uint64_t less = 3;
  std::memcpy(raw.buffer().metadata().data(), &less, sizeof less);
  EXPECT_EQ(3U, reader.metadata()->size()) << "less than was written is allowed";
}

TEST(Stream, OneTokenPerFrameAndABoundedNumberOfThemBack) {
  const Name name;
  Reader reader(name, BufferConfig(0, 65536));
  Writer writer(name);
  const RawStream raw(name);
  for (int i = 0; i < 200; ++i) writer.writeFrame(bytes("x"));
  EXPECT_EQ(200U, raw.written().value());
  static_cast<void>(reader.readFrame());
  EXPECT_EQ(199U, raw.written().value());
  EXPECT_EQ(1U, raw.read().value());
  for (int i = 1; i < 200; ++i) static_cast<void>(reader.readFrame());
  EXPECT_EQ(0U, raw.written().value());
  EXPECT_EQ(wire::data_read_token_limit, raw.read().value());
}

TEST(Stream, FramesReleasedInAnyOrder) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  const RawStream raw(name);
  for (int i = 0; i < 5; ++i) writer.writeFrame(pattern(1, 100));
  std::vector<ReceivedFrame> frames;
  for (int i = 0; i < 5; ++i) frames.push_back(reader.readFrame());
  frames.pop_back();
  frames.erase(frames.begin() + 1);
  EXPECT_EQ(0U, raw.read().value());
  EXPECT_EQ(1024U - 5 * 116, raw.info().payload_free_bytes);
  frames.erase(frames.begin());
  EXPECT_EQ(2U, raw.read().value()) << "the first and the second";
  frames.clear();
  EXPECT_EQ(5U, raw.read().value());
  EXPECT_EQ(1024U, raw.info().payload_free_bytes);
}

TEST(Stream, ATimeoutOfZeroLooksOnce) {
  const Name name;
  Reader reader(name, small);
  EXPECT_THROW(reader.readFrame(0), TimeoutError);
  EXPECT_THROW(reader.readFrame(0ms), TimeoutError);
  Writer writer(name);
  writer.writeFrame(bytes("x"), 0);
  EXPECT_EQ(1U, reader.readFrame(0).sequence());
}

TEST(Stream, AReaderThatNobodyWritesToOnlyTimesOut) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    ReaderOptions options;
    options.wait = wait;
    options.read_timeout = 250ms;
    Reader reader(name, small, options);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(reader.readFrame(), TimeoutError);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 250ms);
    EXPECT_FALSE(reader.isWriterConnected());
  }
}

TEST(Stream, AFrameWakesTheReader) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    ReaderOptions options;
    options.wait = wait;
    Reader reader(name, small, options);
    Writer writer(name);
    std::jthread sender([&] {
      std::this_thread::sleep_for(20ms);
      writer.writeFrame(bytes("x"));
    });
    EXPECT_EQ("x", text(reader.readFrame(60s).data()));
  }
}

TEST(Stream, AWriterThatClosesIsNoticedAfterItsFrames) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    ReaderOptions options;
    options.wait = wait;
    Reader reader(name, small, options);
    auto writer = std::make_unique<Writer>(name);
    EXPECT_TRUE(reader.isWriterConnected());
    writer->writeFrame(bytes("a"));
    writer->writeFrame(bytes("b"));
    EXPECT_EQ(1U, reader.readFrame().sequence());
    std::jthread closer([&] {
      std::this_thread::sleep_for(30ms);
      writer.reset();
    });
    EXPECT_EQ(2U, reader.readFrame().sequence());
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s) << "not at the timeout's end";
    closer.join();
    EXPECT_FALSE(reader.isWriterConnected());
    EXPECT_THROW(reader.readFrame(0), WriterDeadError);
    Writer next(name);
    next.writeFrame(bytes("c"));
    EXPECT_EQ("c", text(reader.readFrame().data()));
    EXPECT_THROW(reader.readFrame(0), TimeoutError) << "a writer is there again";
  }
}

TEST(Stream, AWriterThatCameAndWentUnseenHasLeftTraces) {
  {
    const Name name;
    Reader reader(name, small);
    Writer(name).setMetadata(bytes("m"));
    EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
  }
  {
    const Name name;
    Reader reader(name, small);
    Writer(name).writeFrame(bytes("x"));
    EXPECT_EQ(1U, reader.readFrame(60s).sequence());
    EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
  }
}

TEST(Stream, ManyWritersOneAfterTheOther) {
  const Name name;
  Reader reader(name, small);
  std::deque<std::pair<std::uint64_t, std::uint64_t>> unread;  // sequence number and content
  const auto read_one = [&](const ReceivedFrame& frame) {
    ASSERT_FALSE(unread.empty());
    EXPECT_EQ(unread.front().first, frame.sequence());
    EXPECT_EQ(pattern(unread.front().second, 50), content(frame));
    unread.pop_front();
  };
  for (std::uint64_t i = 0; i < 200; ++i) {
    // Some frames are still unread when the next writer of this very process begins.
    Writer writer(name);
    for (std::uint64_t n = 1; n <= i % 4; ++n) {
      EXPECT_EQ(n, writer.writeFrame(pattern(i, 50)));
      unread.emplace_back(n, i);
    }
    writer.close();
    while (unread.size() > 5) read_one(reader.readFrame());
    if (i % 8 != 7) continue;
    while (!unread.empty()) read_one(reader.readFrame(60s));
    EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
  }
}

TEST(Stream, AFullBufferBlocksUntilAFrameIsReleased) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    Reader reader(name, small);
    WriterOptions options;
    options.wait = wait;
    options.write_timeout = 30ms;
    Writer writer(name, options);
    for (int i = 0; i < 4; ++i) writer.writeFrame(pattern(1, 240));
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(writer.writeFrame(bytes("x")), BufferFullError);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
    EXPECT_THROW(writer.writeFrame(bytes("x"), 0), BufferFullError);
    EXPECT_THROW(writer.acquireFrameBuffer(1, 0), BufferFullError);
    auto frame = reader.readFrame();
    EXPECT_THROW(writer.writeFrame(bytes("x"), 0), BufferFullError) << "reading alone makes no room";
    std::jthread sender([&] { EXPECT_EQ(5U, writer.writeFrame(bytes("x"), 60s)); });
    std::this_thread::sleep_for(20ms);
    frame.release();
  }
}

TEST(Stream, OldTokensDoNotProlongTheWait) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  for (int i = 0; i < 100; ++i) {
    writer.writeFrame(bytes("x"));
    static_cast<void>(reader.readFrame());
  }
  while (true) {
    try {
      writer.writeFrame(pattern(1, 100), 0);
    } catch (const BufferFullError&) {
      break;
    }
  }
  // As many as a published reader leaves.
  const RawStream raw(name);
  auto tokens = raw.read();
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(tokens.post());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THROW(writer.writeFrame(pattern(1, 200), 50ms), BufferFullError);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

TEST(Stream, AnAcquisitionLeftOpen) {
  const Name name;
  const Reader reader(name, small);
  Writer writer(name);
  auto buffer = writer.acquireFrameBuffer(10);
  EXPECT_THROW(writer.writeFrame(bytes("x"), 10ms), AcquisitionOpenError);
  EXPECT_THROW(writer.acquireFrameBuffer(1, 0), AcquisitionOpenError);
  std::jthread queued([&] { EXPECT_EQ(2U, writer.writeFrame(bytes("y"), 60s)); });
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(1U, buffer.commit());
}

TEST(Stream, SizesThatAreRefusedAtOnce) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  EXPECT_THROW(writer.writeFrame({}, 60s), InvalidFrameSizeError);
  EXPECT_THROW(writer.acquireFrameBuffer(0), InvalidFrameSizeError);
  EXPECT_THROW(writer.writeFrame(pattern(1, 1009), 60s), FrameTooLargeError);
  EXPECT_THROW(writer.acquireFrameBuffer(1000), FrameTooLargeError) << "it would leave 8 bytes";
  writer.writeFrame(pattern(1, 484));
  EXPECT_THROW(writer.writeFrame(pattern(1, 584), 60s), FrameUnplaceableError) << "even once the buffer is empty";
  static_cast<void>(reader.readFrame());
  EXPECT_THROW(writer.writeFrame(pattern(1, 584), 60s), FrameUnplaceableError);
  EXPECT_EQ(2U, writer.writeFrame(pattern(1, 508)));
}

TEST(Stream, ManyThreadsOnBothEnds) {
  const Name name;
  Reader reader(name, BufferConfig(0, 4096));
  Writer writer(name);
  constexpr std::uint64_t each = 2000;
  std::atomic<std::uint64_t> sum{0};
  std::atomic<std::uint64_t> frames{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < each; ++i) {
          std::vector<std::byte> data(8 + i % 200);
          const std::uint64_t value = t * each + i;
          std::memcpy(data.data(), &value, sizeof value);
          if (i % 2 == 0) {
            writer.writeFrame(data, 60s);
          } else {
            auto buffer = writer.acquireFrameBuffer(data.size(), 60s);
            std::copy(data.begin(), data.end(), buffer.data().begin());
            buffer.commit();
          }
        }
      });
      threads.emplace_back([&] {
        for (std::uint64_t i = 0; i < each; ++i) {
          const auto frame = reader.readFrame(60s);
          std::uint64_t value = 0;
          std::memcpy(&value, frame.data().data(), sizeof value);
          sum += value;
          ++frames;
        }
      });
    }
  }
  EXPECT_EQ(3 * each, frames);
  EXPECT_EQ(3 * each * (3 * each - 1) / 2, sum) << "each exactly once";
}

TEST(Stream, ClosingWakesWhoWaits) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    ReaderOptions reader_options;
    reader_options.wait = wait;
    Reader reader(name, small, reader_options);
    WriterOptions writer_options;
    writer_options.wait = wait;
    Writer writer(name, writer_options);
    writer.writeFrame(pattern(1, 1008));
    const auto held = reader.readFrame();
    std::vector<std::jthread> waiting;
    for (int i = 0; i < 2; ++i) {
      waiting.emplace_back([&] { EXPECT_THROW(reader.readFrame(60s), ClosedError); });
      waiting.emplace_back([&] { EXPECT_THROW(writer.writeFrame(bytes("x"), 60s), ClosedError); });
    }
    std::this_thread::sleep_for(30ms);
    writer.close();
    writer.close();
    EXPECT_THROW(writer.writeFrame(bytes("x")), ClosedError);
    EXPECT_THROW(writer.setMetadata({}), ClosedError);
    EXPECT_FALSE(writer.isReaderConnected());
    reader.close();
    reader.close();
    waiting.clear();
    EXPECT_THROW(reader.readFrame(), ClosedError);
    EXPECT_THROW(static_cast<void>(reader.metadata()), ClosedError);
    EXPECT_FALSE(reader.isWriterConnected());
    EXPECT_TRUE(name.leftovers().empty());
    EXPECT_EQ(1008U, held.size()) << "a frame stays until it is released";
  }
}

TEST(Stream, AWriterOfAReaderThatClosed) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    auto reader = std::make_unique<Reader>(name, small);
    WriterOptions options;
    options.wait = wait;
    Writer writer(name, options);
    EXPECT_TRUE(writer.isReaderConnected());
    writer.writeFrame(pattern(1, 1008));
    std::jthread closer([&] {
      std::this_thread::sleep_for(20ms);
      reader.reset();
    });
    EXPECT_THROW(writer.writeFrame(bytes("x"), 60s), ReaderDeadError);
    closer.join();
    EXPECT_FALSE(writer.isReaderConnected());
    EXPECT_THROW(writer.writeFrame(bytes("x"), 0), ReaderDeadError);
    EXPECT_THROW(writer.acquireFrameBuffer(1), ReaderDeadError);
  }
}

TEST(Stream, AFrameIsNotWrittenForAReaderThatClosedMeanwhile) {
  const Name name;
  auto reader = std::make_unique<Reader>(name, small);
  Writer writer(name);
  auto buffer = writer.acquireFrameBuffer(10);
  reader.reset();
  EXPECT_THROW(buffer.commit(), ReaderDeadError);
  EXPECT_THROW(static_cast<void>(buffer.size()), FrameReleasedError);
}

TEST(Stream, AWriterMakesRoomForAnotherOnlyWhenItsBufferIsBack) {
  const Name name;
  const Reader reader(name, small);
  Writer writer(name);
  auto buffer = writer.acquireFrameBuffer(10);
  writer.close();
  EXPECT_THROW(Writer(name, connect_within(0ms)), WriterAlreadyConnectedError);
  buffer.abort();
  EXPECT_EQ(1U, Writer(name, connect_within(0ms)).writeFrame(bytes("x")));
}

}  // namespace
}  // namespace zeroduplex
