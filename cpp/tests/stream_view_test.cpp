// Reader and writer of one process over one block of heap memory: what ThreadSanitizer can see.

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <zeroduplex/zeroduplex.hpp>

#include "support.hpp"

namespace zeroduplex {
namespace {

using namespace std::chrono_literals;
using test::HeapMemory;
using test::Name;
using test::pattern;

WriterOptions over(const HeapMemory& memory) {
  WriterOptions options;
  options.memory = memory.view();
  return options;
}

TEST(StreamView, NeedsNoObject) {
  const Name name;
  const HeapMemory memory(2048);
  Reader reader(name, BufferConfig(64, memory.view()));
  EXPECT_EQ(2U, name.leftovers().size()) << "only the semaphores have names";
  Writer writer(name, over(memory));
  writer.setMetadata(test::bytes("m"));
  EXPECT_EQ("m", test::text(*reader.metadata()));
  writer.writeFrame(pattern(1, 100));
  const auto frame = reader.readFrame();
  const auto all = memory.view().bytes();
  EXPECT_TRUE(frame.data().data() >= all.data() && frame.data().data() < all.data() + all.size());
  auto at_once = over(memory);
  at_once.connect_timeout = 0ms;
  EXPECT_THROW(Writer(name, at_once), WriterAlreadyConnectedError);
  writer.close();
  EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
  Writer next(name, over(memory));
  reader.close();
  EXPECT_THROW(next.writeFrame(pattern(1, 1)), ReaderDeadError);
  EXPECT_THROW(Writer(name, at_once), BufferNotFoundError);
}

class StreamViewLoad : public testing::TestWithParam<WaitStrategy> {};

/// Writers and readers on several threads, frames held and released out of order, writers that come and go.
TEST_P(StreamViewLoad, ManyThreads) {
  const Name name;
  const HeapMemory memory(4096);
  ReaderOptions reader_options;
  reader_options.wait = GetParam();
  Reader reader(name, BufferConfig(64, memory.view()), reader_options);
  auto writer_options = over(memory);
  writer_options.wait = GetParam();
  constexpr int each = 150;
  for (int attachment = 0; attachment < 3; ++attachment) {
    Writer writer(name, writer_options);
    std::atomic<int> wrong{0};
    std::atomic<int> left{2 * each};
    {
      std::vector<std::jthread> threads;
      for (std::uint64_t t = 0; t < 2; ++t) {
        threads.emplace_back([&, t] {
          std::mt19937_64 random(t);
          for (int i = 0; i < each; ++i) {
            const auto data = pattern(random() % 40, 1 + random() % 600);
            if (i % 3 == 0) {
              auto buffer = writer.acquireFrameBuffer(data.size(), 60s);
              std::copy(data.begin(), data.end(), buffer.data().begin());
              if (i % 2 == 0) {
                buffer.commit();
                continue;
              }
              buffer.abort();
            }
            writer.writeFrame(data, 60s);
          }
        });
        threads.emplace_back([&] {
          const auto check = [&](const ReceivedFrame& frame) {
            for (std::uint64_t seed = 0; seed < 40; ++seed) {
              if (std::ranges::equal(pattern(seed, frame.size()), frame.data())) return;
            }
            ++wrong;
          };
          while (left-- > 0) {
            const auto first = reader.readFrame(60s);
            check(first);
            if (left-- <= 0) break;
            try {
              // Only if there is one: nobody may wait with a frame in hand, its room is the first that the writer gets back.
              const auto second = reader.readFrame(0);
              check(second);
              check(first);
            } catch (const TimeoutError&) {
              ++left;
            }
          }
        });
      }
    }
    EXPECT_EQ(0, wrong);
  }
}

INSTANTIATE_TEST_SUITE_P(All, StreamViewLoad, testing::Values(WaitStrategy::hybrid, WaitStrategy::block, WaitStrategy::spin));

TEST(StreamView, ClosingUnderWaitingThreads) {
  for (int i = 0; i < 20; ++i) {
    const Name name;
    const HeapMemory memory(1024);
    Reader reader(name, BufferConfig(0, memory.view()));
    Writer writer(name, over(memory));
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        try {
          for (;;) static_cast<void>(reader.readFrame(60s));
        } catch (const ClosedError&) {
        }
      });
      threads.emplace_back([&] {
        try {
          for (;;) writer.writeFrame(pattern(1, 300), 60s);
        } catch (const ClosedError&) {
        } catch (const ReaderDeadError&) {
        }
      });
    }
    std::this_thread::sleep_for(5ms);
    if (i % 2 == 0) writer.close();
    reader.close();
    writer.close();
  }
}

}  // namespace
}  // namespace zeroduplex
