// A client and a server of one process over a real object: what the API promises.

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <random>
#include <set>
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
using test::is_complement;
using test::Name;
using test::pattern;
using test::serve;

TEST(Channel, TheCallsThatTheProposalPromises) {
  const Name name;
  std::vector<std::uint8_t> image(1000, 7);
  const std::uint8_t* image_data = image.data();
  const std::size_t image_size = image.size();

  auto factory = DuplexChannelFactory::getInstance();
  auto server = factory.createInPlaceDuplexServer(name, BufferConfig(4096, 100 * 1024 * 1024));
  server->start([](Frame& frame) {
    std::uint8_t* data = frame.get_mutable_data();
    std::size_t size = frame.size();
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::uint8_t>(255 - data[i]);
  });
  auto client = factory.createClient(name);
  auto seq = client->sendRequest(image_data, image_size);
  auto response = client->receiveResponse(5000);
  EXPECT_TRUE(response.sequence() == seq);
  ASSERT_EQ(1000U, response.size());
  for (const std::byte b : response.data()) ASSERT_EQ(std::byte{248}, b);
}

TEST(Channel, EverySizeAroundTheAlignment) {
  const Name name;
  const auto server = serve(name, BufferConfig(0, 4096), complement);
  const auto client = connect(name);
  for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 4032U}) {
    const auto request = pattern(size, size);
    const auto response = client->call(request);
    EXPECT_TRUE(is_complement(response.data(), request)) << size;
  }
}

TEST(Channel, TheResponseStandsWhereTheRequestStood) {
  const Name name;
  const auto server = serve(name, {}, complement);
  const auto client = connect(name);
  auto buffer = client->acquireRequestBuffer(100);
  const std::byte* place = buffer.data().data();
  EXPECT_EQ(0U, reinterpret_cast<std::uintptr_t>(place) % 64);
  const auto sequence = buffer.commit();
  const auto response = client->receiveResponse(sequence, 5s);
  EXPECT_EQ(place, response.data().data());
}

TEST(Channel, OpcodeCapacityAndResize) {
  const Name name;
  const auto server = serve(name, {}, [](Frame& frame) {
    EXPECT_EQ(42U, frame.opcode());
    EXPECT_EQ(256U, frame.capacity());
    EXPECT_EQ(10U, frame.size());
    EXPECT_EQ(1U, frame.sequence());
    EXPECT_FALSE(frame.isOneWay());
    frame.resize(200);
    for (std::byte& b : frame.data()) b = std::byte{9};
  });
  const auto client = connect(name);
  const auto response = client->call({.data = bytes("0123456789"), .opcode = 42, .capacity = 200});
  EXPECT_EQ(200U, response.size());
  EXPECT_EQ(std::byte{9}, response.data()[199]);
  EXPECT_EQ(42U, response.opcode());
  EXPECT_EQ(0, response.status());
}

TEST(Channel, AnAcquiredBufferMayHaveOpcodeAndBeOneWay) {
  const Name name;
  std::atomic<std::uint32_t> seen{0};
  const auto server = serve(name, {}, [&](Frame& frame) {
    if (frame.isOneWay()) seen = frame.opcode();
  });
  const auto client = connect(name);
  auto buffer = client->acquireRequestBuffer(1);
  buffer.setOpcode(5);
  buffer.setOneWay();
  buffer.commit();
  EXPECT_TRUE(test::eventually([&] { return seen == 5; }));
}

TEST(Channel, ADestroyedBufferIsAborted) {
  const Name name;
  const auto server = serve(name, BufferConfig(0, 256), complement);
  const auto client = connect(name);
  { const auto buffer = client->acquireRequestBuffer(192); }
  auto moved_to = client->acquireRequestBuffer(192);
  auto buffer = std::move(moved_to);
  buffer.abort();
  EXPECT_EQ(1U, client->call(bytes("x")).sequence()) << "aborted buffers take no sequence number";
}

TEST(Channel, OneWayRequestsAreRunAndNotAnswered) {
  const Name name;
  std::atomic<int> runs{0};
  const auto server = serve(name, BufferConfig(0, 512), [&](Frame& frame) {
    if (frame.isOneWay()) ++runs;
    complement(frame);
  });
  const auto client = connect(name);
  for (int i = 0; i < 1000; ++i) client->send({.data = pattern(1, 64), .one_way = true});
  const auto request = pattern(2, 64);
  EXPECT_TRUE(is_complement(client->call(request).data(), request));
  EXPECT_EQ(1000, runs);
}

TEST(Channel, AnswersOutOfOrderFromSeveralWorkers) {
  const Name name;
  ServerOptions options;
  options.workers = 4;
  std::latch first_may_end(1);
  const auto server = serve(
      name, {},
      [&](Frame& frame) {
        if (frame.opcode() == 1) first_may_end.wait();
        complement(frame);
      },
      options);
  const auto client = connect(name);
  const auto request = pattern(1, 64);
  const auto slow = client->send({.data = request, .opcode = 1});
  std::set<std::uint64_t> others;
  for (int i = 0; i < 3; ++i) others.insert(client->sendRequest(request));
  for (int i = 0; i < 3; ++i) {
    const auto response = client->receiveResponse(5000);
    EXPECT_EQ(1U, others.erase(response.sequence()));
  }
  first_may_end.count_down();
  EXPECT_EQ(slow, client->receiveResponse(5000).sequence());
}

TEST(Channel, ReceiveAnyLeavesAloneWhatSomebodyWaitsForByNumber) {
  const Name name;
  std::latch go(1);
  const auto server = serve(name, {}, [&](Frame&) { go.wait(); });
  const auto client = connect(name);
  const auto a = client->sendRequest(bytes("a"));
  const auto b = client->sendRequest(bytes("b"));
  std::atomic<bool> waiting{false};
  std::jthread by_number([&] {
    waiting = true;
    EXPECT_EQ(a, client->receiveResponse(a, 10s).sequence());
  });
  // UnknownSequenceError tells that the other thread has its claim.
  ASSERT_TRUE(test::eventually([&] {
    try {
      static_cast<void>(client->receiveResponse(a, 0));
    } catch (const UnknownSequenceError&) {
      return true;
    } catch (const TimeoutError&) {
    }
    return false;
  }));
  go.count_down();
  EXPECT_EQ(b, client->receiveResponse(10s).sequence());
}

TEST(Channel, MetadataBothWays) {
  const Name name;
  const auto server = serve(name, {}, complement);
  EXPECT_TRUE(server->clientMetadata().empty());
  const auto client = connect(name);
  EXPECT_TRUE(client->serverMetadata().empty());
  server->setMetadata(bytes("from the server"));
  client->setMetadata(bytes("from the client"));
  EXPECT_EQ("from the server", test::text(client->serverMetadata()));
  EXPECT_EQ("from the client", test::text(server->clientMetadata()));
  EXPECT_THROW(server->setMetadata(bytes("again")), MetadataAlreadyWrittenError);
  EXPECT_THROW(client->setMetadata(bytes("again")), MetadataAlreadyWrittenError);
}

TEST(Channel, AReconnectedClientFindsTheServersMetadataAndWritesItsOwn) {
  const Name name;
  const auto server = serve(name, {}, complement);
  server->setMetadata(bytes("server"));
  connect(name)->setMetadata(bytes("first"));
  const auto client = connect(name);
  EXPECT_EQ("server", test::text(client->serverMetadata()));
  EXPECT_TRUE(server->clientMetadata().empty());
  client->setMetadata(bytes("second"));
  EXPECT_EQ("second", test::text(server->clientMetadata()));
}

TEST(Channel, MetadataTooLarge) {
  const Name name;
  const auto server = serve(name, BufferConfig(0, 1024), complement);
  const auto client = connect(name);
  EXPECT_THROW(client->setMetadata(bytes("123456789")), MetadataTooLargeError);
  client->setMetadata(bytes("12345678"));  // 16 bytes of block less 8 of prefix
  EXPECT_THROW(server->setMetadata(bytes("1")), MetadataTooLargeError);
}

TEST(Channel, Cancel) {
  const Name name;
  std::latch go(1);
  const auto server = serve(name, {}, [&](Frame&) { go.wait(); });
  const auto client = connect(name);
  const auto taken = client->sendRequest(bytes("a"));
  ASSERT_TRUE(test::eventually([&] { return server->isClientConnected(); }));
  const auto waiting = client->sendRequest(bytes("b"));
  EXPECT_TRUE(client->cancel(waiting));
  EXPECT_THROW(client->cancel(waiting), UnknownSequenceError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(waiting, 0)), UnknownSequenceError);
  go.count_down();
  EXPECT_EQ(taken, client->receiveResponse(taken, 5s).sequence());
  EXPECT_THROW(client->cancel(taken), UnknownSequenceError);
  EXPECT_THROW(client->cancel(99), UnknownSequenceError);
}

TEST(Channel, CancelWakesWhoWaitsForTheResponse) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    std::latch go(1);
    const auto server = serve(name, {}, [&](Frame&) { go.wait(); });
    ClientOptions options;
    options.wait = wait;
    const auto client = connect(name, options);
    const auto first = client->sendRequest(bytes("a"));
    bool woken = false;
    for (int round = 0; round < 1000 && !woken; ++round) {
      const auto second = client->sendRequest(bytes("b"));
      std::jthread waiter([&] {
        try {
          static_cast<void>(client->receiveResponse(second, 30s));
          ADD_FAILURE() << "a cancelled request was answered";
        } catch (const CancelledError&) {
          woken = true;
        } catch (const UnknownSequenceError&) {
          // It came after the cancelling: once more.
        }
      });
      std::this_thread::sleep_for(1ms * round);
      EXPECT_TRUE(client->cancel(second));
    }
    EXPECT_TRUE(woken) << "with wait strategy " << static_cast<int>(wait);
    go.count_down();
    static_cast<void>(client->receiveResponse(first, 5s));
  }
}

TEST(Channel, CloseWakesWaiters) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    const auto server = serve(name, BufferConfig(0, 256), complement);
    ClientOptions options;
    options.wait = wait;
    const auto client = connect(name, options);
    auto buffer = client->acquireRequestBuffer(100);
    std::vector<std::jthread> waiters;
    for (int i = 0; i < 3; ++i) {
      waiters.emplace_back([&] { EXPECT_THROW(static_cast<void>(client->receiveResponse(30s)), ClosedError); });
      waiters.emplace_back([&] { EXPECT_THROW(static_cast<void>(client->acquireRequestBuffer(10, 0, 30s)), ClosedError); });
    }
    std::this_thread::sleep_for(10ms);
    const auto begin = std::chrono::steady_clock::now();
    client->close();
    waiters.clear();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    client->close();
    EXPECT_THROW(buffer.commit(), ClosedError);
    EXPECT_THROW(client->sendRequest(bytes("x")), ClosedError);
    EXPECT_FALSE(client->isServerConnected());
  }
}

TEST(Channel, AResponseOutlivesItsClient) {
  const Name name;
  const auto server = serve(name, {}, complement);
  auto client = connect(name);
  const auto request = pattern(3, 64);
  auto response = client->call(request);
  client.reset();
  EXPECT_TRUE(is_complement(response.data(), request));
  ClientOptions at_once;
  at_once.connect_timeout = 0ms;
  EXPECT_THROW(connect(name, at_once), WriterAlreadyConnectedError) << "the channel is attached while a response is out";
  response.release();
  EXPECT_TRUE(is_complement(connect(name)->call(request).data(), request));
}

TEST(Channel, ManyThreadsOverOneClient) {
  const Name name;
  ServerOptions options;
  options.workers = 3;
  const auto server = serve(name, BufferConfig(0, 8192), complement, options);
  const auto client = connect(name);
  std::vector<std::jthread> threads;
  std::atomic<int> wrong{0};
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      for (int i = 0; i < 1500; ++i) {
        const auto request = pattern(random(), random() % 3000);
        if (!is_complement(client->call(request, 60'000).data(), request)) ++wrong;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(0, wrong);
}

TEST(Channel, EveryWaitStrategyWithEveryOther) {
  for (const auto server_wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    for (const auto client_wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
      const Name name;
      ServerOptions server_options;
      server_options.wait = server_wait;
      const auto server = serve(name, BufferConfig(0, 1024), complement, server_options);
      ClientOptions options;
      options.wait = client_wait;
      const auto client = connect(name, options);
      for (std::uint64_t i = 0; i < 500; ++i) {
        const auto request = pattern(i, i % 900);
        ASSERT_TRUE(is_complement(client->call(request).data(), request));
      }
    }
  }
}

TEST(Channel, ManyInFlightThroughASmallRing) {
  for (const Lap lap : {Lap::eager, Lap::needed}) {
    const Name name;
    ServerOptions server_options;
    server_options.workers = 4;
    const auto server = serve(name, BufferConfig(0, 8192), complement, server_options);
    ClientOptions options;
    options.lap = lap;
    const auto client = connect(name, options);
    constexpr std::uint64_t count = 10000;
    std::counting_semaphore<32> window(32);
    std::jthread sender([&] {
      std::mt19937_64 random(1);
      for (std::uint64_t n = 1; n <= count; ++n) {
        window.acquire();
        ASSERT_EQ(n, client->send({.data = pattern(n, random() % 1500)}, 60s));
      }
    });
    std::set<std::uint64_t> missing;
    for (std::uint64_t n = 1; n <= count; ++n) missing.insert(n);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto response = client->receiveResponse(60s);
      ASSERT_TRUE(is_complement(response.data(), pattern(response.sequence(), response.size())));
      ASSERT_EQ(1U, missing.erase(response.sequence()));
      window.release();
    }
  }
}

/// Whether a thread of this process sleeps, as the kernel sees it.
bool sleeps(pid_t thread) {
  std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(status, line);
  const std::size_t name_end = line.rfind(')');
  return name_end != std::string::npos && line.at(name_end + 2) == 'S';
}

TEST(Channel, TheQueueOfSendersIsFirstComeFirstServed) {
  const Name name;
  std::vector<std::uint32_t> order;
  const auto server = serve(name, {}, [&](Frame& frame) { order.push_back(frame.opcode()); });
  const auto client = connect(name);
  auto buffer = client->acquireRequestBuffer(1);
  std::vector<std::jthread> senders;
  for (std::uint32_t i = 1; i <= 5; ++i) {
    std::atomic<pid_t> thread{0};
    senders.emplace_back([&, i] {
      thread = ::gettid();
      static_cast<void>(client->send({.data = bytes("x"), .opcode = i}, 30s));
    });
    // All that it can sleep on behind this point is its turn.
    ASSERT_TRUE(test::eventually([&] { return thread != 0 && sleeps(thread); }));
  }
  buffer.abort();
  senders.clear();
  for (int i = 0; i < 5; ++i) static_cast<void>(client->receiveResponse(5s));
  EXPECT_EQ((std::vector<std::uint32_t>{1, 2, 3, 4, 5}), order);
}

TEST(Channel, StopLetsHandlersFinishAndTheClientConsume) {
  const Name name;
  std::latch taken(1);
  auto server = serve(name, {}, [&](Frame& frame) {
    taken.count_down();
    std::this_thread::sleep_for(100ms);
    complement(frame);
  });
  const auto client = connect(name);
  const auto request = pattern(1, 64);
  const auto sequence = client->sendRequest(request);
  taken.wait();
  std::jthread stopping([&] { server->stop(10'000); });
  const auto response = client->receiveResponse(sequence, 5s);
  EXPECT_TRUE(is_complement(response.data(), request));
}

// A stopping server first lets go of its lock and then disowns the segment. Whoever calls meanwhile must not take that for
// corruption.
TEST(Channel, AServerThatStopsDuringCallsIsDeadAndNothingElse) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    for (int i = 0; i < 15; ++i) {
      const Name name;
      const auto server = serve(name, BufferConfig(0, 4096), complement);
      ClientOptions options;
      options.wait = wait;
      const auto client = connect(name, options);
      std::latch calling(1);
      std::jthread caller([&] {
        try {
          static_cast<void>(client->call(bytes("x")));
          calling.count_down();
          for (;;) static_cast<void>(client->call(bytes("x")));
        } catch (const ServerDeadError&) {
        } catch (const Error& e) {
          ADD_FAILURE() << e.what();
        }
      });
      calling.wait();
      server->stop(5000);
    }
  }
}

// The bytes of a cancelled request must not become another one's while somebody still looks there for an answer.
TEST(Channel, CancelledCallsNeverGetAnothersAnswer) {
  const Name name;
  const auto server = serve(name, BufferConfig(0, 1024), complement);
  ClientOptions options;
  options.wait = WaitStrategy::spin;
  const auto client = connect(name, options);
  std::atomic<std::uint64_t> last = 0;
  std::atomic<int> left = 3;
  std::atomic<int> cancelled = 0;
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  const auto work = [&](std::uint64_t seed) {
    const auto request = pattern(seed, 64);
    // Which calls are caught before their answer is chance, and on a busy machine it may take a while until one is.
    const auto nothing_shown = [&] { return cancelled == 0 && std::chrono::steady_clock::now() < deadline; };
    for (int i = 0; i < 1000 || nothing_shown(); ++i) {
      try {
        const auto response = client->call(request);
        last = response.sequence();
        ASSERT_TRUE(is_complement(response.data(), request)) << "request " << response.sequence();
      } catch (const CancelledError&) {
      }
    }
    --left;
  };
  std::vector<std::jthread> callers;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) callers.emplace_back(work, seed);
  while (left > 0) {
    try {
      cancelled += client->cancel(last + 2) ? 1 : 0;
    } catch (const UnknownSequenceError&) {
    }
  }
  EXPECT_GT(cancelled, 0);
}

TEST(Channel, StopIsIdempotentAndItsNamesAreGone) {
  const Name name;
  const auto server = serve(name, {}, complement);
  EXPECT_FALSE(name.leftovers().empty());
  server->stop();
  EXPECT_TRUE(name.leftovers().empty());
  server->stop();
  EXPECT_THROW(server->start(complement), ClosedError);
  EXPECT_THROW(server->setMetadata(bytes("x")), ClosedError);
  EXPECT_FALSE(server->isClientConnected());
  EXPECT_EQ(name.str(), server->name());
  const auto again = serve(name, {}, complement);
  EXPECT_EQ(1U, connect(name)->call(bytes("x")).sequence());
}

TEST(Channel, AHandlerMayAskForTheStop) {
  const Name name;
  std::unique_ptr<IInPlaceDuplexServer> server;
  std::latch assigned(1);
  std::atomic<bool> refused{false};
  server = DuplexChannelFactory::getInstance().createInPlaceDuplexServer(name);
  server->start([&](Frame&) {
    assigned.wait();
    try {
      server->stop();
    } catch (const InvalidArgumentError&) {
      refused = true;
    }
    server->requestStop();
  });
  assigned.count_down();
  const auto client = connect(name);
  static_cast<void>(client->call(bytes("x")));
  EXPECT_TRUE(refused);
  server->stop();
  EXPECT_THROW(static_cast<void>(client->call(bytes("x"))), ServerDeadError);
}

TEST(Channel, ClientsMayAttachSendAndLeaveBeforeStart) {
  const Name name;
  const auto server = DuplexChannelFactory::getInstance().createInPlaceDuplexServer(name, BufferConfig(0, 4096));
  connect(name)->sendRequest(bytes("lost with its client"));
  const auto client = connect(name);
  const auto sequence = client->sendRequest(bytes("abc"));
  server->start(complement);
  EXPECT_TRUE(is_complement(client->receiveResponse(sequence, 5s).data(), bytes("abc")));
}

TEST(Channel, OneWayRequestsOfAClientThatLeftAreRun) {
  const Name name;
  std::atomic<int> runs{0};
  const auto server = serve(name, {}, [&](Frame& frame) {
    std::this_thread::sleep_for(1ms);
    if (frame.isOneWay()) ++runs;
  });
  {
    const auto client = connect(name);
    for (int i = 0; i < 20; ++i) {
      client->send({.data = bytes("1"), .one_way = true});
      client->send({.data = bytes("2")});
    }
  }
  EXPECT_EQ(1U, connect(name)->call(bytes("x")).sequence());
  EXPECT_EQ(20, runs);
}

/// The value of one of the channel's semaphores, 99 when it cannot be read.
std::uint32_t semaphore_value(const Name& name, const std::string& kind) {
  std::uint32_t value = 99;
  std::ifstream file("/dev/shm/sem.sem-" + kind + "-" + name.str(), std::ios::binary);
  file.read(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

// A draining server waits for just that.
TEST(Channel, ALateAnswerThatTheSenderReleasesIsToldToTheServer) {
  const Name name;
  std::latch taken(1);
  std::latch go(1);
  const auto server = serve(name, {}, [&](Frame& frame) {
    if (frame.opcode() != 1) return;
    taken.count_down();
    go.wait();
  });
  const auto client = connect(name);
  const auto data = bytes("x");
  EXPECT_THROW(static_cast<void>(client->call(Request{.data = data, .opcode = 1}, 1s)), TimeoutError);
  taken.wait();  // given up while it was processed: before that it would have been cancelled
  const auto behind = client->sendRequest(bytes("y"));
  EXPECT_EQ(0U, semaphore_value(name, "response-consumed"));
  go.count_down();
  const auto response = client->receiveResponse(behind, 5s);  // so the one before it is answered, too, late
  EXPECT_EQ(0U, semaphore_value(name, "response-consumed"));
  client->acquireRequestBuffer(1).abort();
  EXPECT_EQ(1U, semaphore_value(name, "response-consumed"));
}

TEST(Channel, SemaphoresStayBounded) {
  const Name name;
  ServerOptions options;
  options.wait = WaitStrategy::spin;
  const auto server = serve(name, {}, complement, options);
  ClientOptions client_options;
  client_options.wait = WaitStrategy::spin;
  const auto client = connect(name, client_options);
  for (int i = 0; i < 5000; ++i) static_cast<void>(client->call(bytes("x")));
  for (const char* kind : {"request-ready", "response-ready", "response-consumed", "space-available"}) {
    EXPECT_LE(semaphore_value(name, kind), 1U) << kind;
  }
}

TEST(Channel, ASpinningServerStopsWheneverItIsAsked) {
  const Name name;
  ServerOptions options;
  options.wait = WaitStrategy::spin;
  for (int i = 0; i < 1000; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    serve(name, BufferConfig(0, 4096), complement, options)->stop(5000);
    ASSERT_LT(std::chrono::steady_clock::now() - begun, 2s) << "round " << i;
  }
}

TEST(Channel, TenThousandReconnectsWithoutWaitingOutASlice) {
  const Name name;
  const auto server = serve(name, BufferConfig(0, 1024), complement);
  constexpr int count = 10000;
  int slow = 0;
  for (int i = 0; i < count; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto client = connect(name);
    ASSERT_EQ(1U, client->call(bytes("x")).sequence());
    if (std::chrono::steady_clock::now() - begin >= wire::default_v2_wait_slice) ++slow;
  }
  // A busy machine may stop any process for long, but not once in a hundred times.
  EXPECT_LT(slow, count / 100);
}

TEST(Channel, UseAfterTheEnd) {
  const Name name;
  Frame* escaped = nullptr;
  const auto server = serve(name, {}, [&](Frame& frame) { escaped = &frame; });
  const auto client = connect(name);

  auto buffer = client->acquireRequestBuffer(8);
  buffer.commit();
  EXPECT_THROW(static_cast<void>(buffer.data()), FrameReleasedError);
  EXPECT_THROW(buffer.commit(), FrameReleasedError);
  EXPECT_THROW(buffer.setOpcode(1), FrameReleasedError);
  buffer.abort();

  auto response = client->receiveResponse(5s);
  auto moved = std::move(response);
  EXPECT_THROW(static_cast<void>(response.data()), FrameReleasedError);  // NOLINT(bugprone-use-after-move): the point
  EXPECT_EQ(8U, moved.size());
  moved.release();
  moved.release();
  EXPECT_THROW(static_cast<void>(moved.data()), FrameReleasedError);
  EXPECT_THROW(static_cast<void>(moved.sequence()), FrameReleasedError);
  EXPECT_THROW(static_cast<void>(escaped->data()), FrameReleasedError);
  EXPECT_THROW(escaped->resize(1), FrameReleasedError);
  EXPECT_THROW(escaped->fail(1, ""), FrameReleasedError);
}

}  // namespace
}  // namespace zeroduplex
