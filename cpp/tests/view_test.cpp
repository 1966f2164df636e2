// Client and server of one process over one block of heap memory: what ThreadSanitizer can see.

#include <atomic>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <zeroduplex/zeroduplex.hpp>

#include "support.hpp"

namespace zeroduplex {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::complement;
using test::connect;
using test::HeapMemory;
using test::is_complement;
using test::Name;
using test::pattern;
using test::serve;

ClientOptions over(const HeapMemory& memory) {
  ClientOptions options;
  options.memory = memory.view();
  return options;
}

TEST(View, ServesWithoutAnObject) {
  const Name name;
  const HeapMemory memory(16384);
  const auto server = serve(name, BufferConfig(64, memory.view()), complement);
  EXPECT_EQ(4U, name.leftovers().size()) << "only the semaphores have names";
  const auto client = connect(name, over(memory));
  client->setMetadata(bytes("client"));
  EXPECT_EQ("client", test::text(server->clientMetadata()));
  const auto request = pattern(1, 1000);
  const auto response = client->call(request);
  EXPECT_TRUE(is_complement(response.data(), request));
  const auto all = memory.view().bytes();
  EXPECT_TRUE(response.data().data() >= all.data() && response.data().data() < all.data() + all.size());
  EXPECT_TRUE(client->isServerConnected());
}

TEST(View, ReconnectsAndRefusesASecondClient) {
  const Name name;
  const HeapMemory memory(4096);
  const auto server = serve(name, BufferConfig(0, memory.view()), complement);
  for (int i = 0; i < 50; ++i) {
    const auto client = connect(name, over(memory));
    ASSERT_EQ(1U, client->call(bytes("x")).sequence());
    auto at_once = over(memory);
    at_once.connect_timeout = 0ms;
    ASSERT_THROW(connect(name, at_once), WriterAlreadyConnectedError);
  }
}

TEST(View, AStoppedServerIsSeen) {
  const Name name;
  const HeapMemory memory(4096);
  auto server = serve(name, BufferConfig(0, memory.view()), complement);
  const auto client = connect(name, over(memory));
  server->stop(10'000);
  EXPECT_FALSE(client->isServerConnected());
  EXPECT_THROW(client->sendRequest(bytes("x")), ServerDeadError);
  auto at_once = over(memory);
  at_once.connect_timeout = 0ms;
  EXPECT_THROW(connect(name, at_once), ServerNotFoundError);
}

TEST(View, Refuses) {
  const Name name;
  HeapMemory memory(4096);
  const auto all = memory.view().bytes();
  EXPECT_THROW(SharedMemoryView(all.subspan(8)), InvalidArgumentError);
  EXPECT_THROW(memory.view().allocate(10), InvalidArgumentError);
  EXPECT_FALSE(memory.view().hasLiveness());
  EXPECT_THROW(serve(name, BufferConfig(0, SharedMemoryView(all.first(256))), complement), InvalidArgumentError);
  EXPECT_THROW(serve(name, BufferConfig(4096, memory.view()), complement), InvalidArgumentError);
  auto at_once = over(memory);
  at_once.connect_timeout = 0ms;
  EXPECT_THROW(connect(name, at_once), VersionMismatchError) << "nobody has initialised it";
}

TEST(View, ALivingServersSemaphoresAreNotReplaced) {
  const Name name;
  const HeapMemory memory(4096);
  const auto server = serve(name, {}, complement);
  EXPECT_THROW(serve(name, BufferConfig(0, memory.view()), complement), NameInUseError);
  EXPECT_EQ(1U, connect(name)->call(bytes("x")).sequence());
}

struct Load {
  WaitStrategy wait;
  std::uint32_t workers;
  Lap lap;
};

class ViewLoad : public testing::TestWithParam<Load> {};

/// Senders, receivers, cancelling, abandoning, one-way requests and reconnecting at the same time.
TEST_P(ViewLoad, ManyThreads) {
  const Name name;
  const HeapMemory memory(8192);
  ServerOptions server_options;
  server_options.workers = GetParam().workers;
  server_options.wait = GetParam().wait;
  std::atomic<std::uint64_t> one_way{0};
  const auto server = serve(
      name, BufferConfig(64, memory.view()),
      [&](Frame& frame) {
        if (frame.isOneWay()) ++one_way;
        if (frame.opcode() != 0) std::this_thread::sleep_for(std::chrono::microseconds(frame.opcode()));
        complement(frame);
      },
      server_options);
  std::uint64_t sent_one_way = 0;
  for (int attachment = 0; attachment < 3; ++attachment) {
    auto options = over(memory);
    options.wait = GetParam().wait;
    options.lap = GetParam().lap;
    const auto client = connect(name, options);
    std::atomic<int> wrong{0};
    std::atomic<std::uint64_t> one_way_here{0};
    {
      std::vector<std::jthread> threads;
      for (std::uint64_t t = 0; t < 3; ++t) {
        threads.emplace_back([&, t] {
          std::mt19937_64 random(t + 100 * static_cast<std::uint64_t>(attachment));
          for (int i = 0; i < 200; ++i) {
            const auto request = pattern(random(), random() % 1500);
            switch (random() % 5) {
              case 0:
                client->send({.data = request, .one_way = true}, 60s);
                ++one_way_here;
                break;
              case 1:
                try {
                  if (!is_complement(client->call({.data = request, .opcode = 300}, 100us).data(), request)) ++wrong;
                } catch (const TimeoutError&) {
                }
                break;
              case 2: {
                const auto sequence = client->send({.data = request}, 60s);
                if (!client->cancel(sequence)) static_cast<void>(client->receiveResponse(sequence, 60s));
                break;
              }
              default:
                if (!is_complement(client->call(request, 60'000).data(), request)) ++wrong;
            }
          }
        });
      }
    }
    EXPECT_EQ(0, wrong);
    sent_one_way += one_way_here;
  }
  ASSERT_TRUE(test::eventually([&] { return one_way == sent_one_way; }));
}

INSTANTIATE_TEST_SUITE_P(All, ViewLoad,
                         testing::Values(Load{WaitStrategy::hybrid, 1, Lap::eager}, Load{WaitStrategy::hybrid, 3, Lap::needed},
                                         Load{WaitStrategy::block, 2, Lap::eager}, Load{WaitStrategy::spin, 1, Lap::needed}));

TEST(View, SendAndReceiveAnyFromTwoThreads) {
  const Name name;
  const HeapMemory memory(8192);
  ServerOptions server_options;
  server_options.workers = 4;
  const auto server = serve(name, BufferConfig(0, memory.view()), complement, server_options);
  const auto client = connect(name, over(memory));
  constexpr std::uint64_t count = 3000;
  std::jthread sender([&] {
    std::mt19937_64 random(1);
    for (std::uint64_t n = 1; n <= count; ++n) {
      auto buffer = client->acquireRequestBuffer(random() % 1000, 0, 60s);
      const auto content = pattern(n, buffer.size());
      std::copy(content.begin(), content.end(), buffer.data().begin());
      buffer.commit();
    }
  });
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto response = client->receiveResponse(60s);
    ASSERT_TRUE(is_complement(response.data(), pattern(response.sequence(), response.size())));
  }
}

}  // namespace
}  // namespace zeroduplex
