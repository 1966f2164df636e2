// Duplex channels of ZeroBuffer v1 in one process: what they promise.

#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <latch>
#include <mutex>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <zeroduplex/zeroduplex.hpp>

#include "dual_buffer_support.hpp"
#include "support.hpp"

namespace zeroduplex {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::complement;
using test::eventually;
using test::is_complement;
using test::Name;
using test::pattern;
using test::text;
using namespace test::dual_buffer;

TEST(DualBuffer, OnlyTheCallOfTheFactoryDiffers) {
  for (const bool v1 : {false, true}) {
    const Name name;
    auto& factory = DuplexChannelFactory::getInstance();
    std::unique_ptr<IDuplexServer> server;
    if (v1) {
      server = factory.createImmutableServer(name, small);
    } else {
      server = factory.createInPlaceDuplexServer(name, small);
    }
    EXPECT_EQ(name.str(), server->name());
    server->start(complement);
    const auto client = factory.createClient(name, with_small_responses());
    EXPECT_EQ(v1, dynamic_cast<DualBufferDuplexChannel*>(client.get()) != nullptr);
    EXPECT_EQ(!v1, dynamic_cast<InPlaceDuplexChannel*>(client.get()) != nullptr);
    EXPECT_TRUE(client->isServerConnected());
    EXPECT_TRUE(server->isClientConnected());
    for (std::uint64_t n = 1; n <= 300; ++n) {
      const auto request = pattern(n, 1 + n);
      const auto response = client->call(request);
      EXPECT_EQ(n, response.sequence());
      EXPECT_EQ(0, response.status());
      EXPECT_EQ(0U, response.opcode());
      ASSERT_TRUE(is_complement(response.data(), request));
    }
    client->close();
    ASSERT_TRUE(eventually([&] { return !server->isClientConnected(); }));
    server->stop();
  }
}

TEST(DualBuffer, V2ComesFirstWhereBothLive) {
  const Name name;
  const auto v1 = serve_v1(name, [](Frame& frame) { frame.data()[0] = std::byte{1}; });
  EXPECT_EQ(std::byte{1}, connect_v1(name)->call(bytes("x")).data()[0]);
  {
    const auto v2 = test::serve(name, {}, [](Frame& frame) { frame.data()[0] = std::byte{2}; });
    EXPECT_EQ(std::byte{2}, connect_v1(name)->call(bytes("x")).data()[0]);
  }
  EXPECT_EQ(std::byte{1}, connect_v1(name)->call(bytes("x")).data()[0]) << "and v1 again when v2 is gone";
}

TEST(DualBuffer, AClientWaitsForEitherServerToCome) {
  for (const bool v1 : {false, true}) {
    const Name name;
    std::jthread client([&] {
      auto options = with_small_responses();
      options.connect_timeout = 60s;
      EXPECT_EQ(1U, connect_v1(name, options)->call(bytes("x")).sequence());
    });
    std::this_thread::sleep_for(20ms);
    std::unique_ptr<IDuplexServer> server;
    if (v1) {
      server = serve_v1(name, complement);
    } else {
      server = test::serve(name, small, complement);
    }
    client.join();
  }
}

TEST(DualBuffer, AcquiredRequestsAreFilledInPlace) {
  const Name name;
  const auto server = serve_v1(name, complement);
  const auto client = connect_v1(name);
  auto buffer = client->acquireRequestBuffer(100, 7);
  EXPECT_EQ(100U, buffer.size());
  EXPECT_EQ(small_payload - header, buffer.capacity()) << "the response buffer is the limit, whatever was asked for";
  const auto request = pattern(1, 100);
  std::copy(request.begin(), request.end(), buffer.data().begin());
  EXPECT_THROW(client->send({.data = request}, 0ms), AcquisitionOpenError);
  EXPECT_EQ(1U, buffer.commit());
  EXPECT_THROW(buffer.commit(), FrameReleasedError);
  EXPECT_TRUE(is_complement(client->receiveResponse(1, 5s).data(), request));
  { const auto dropped = client->acquireRequestBuffer(10); }
  EXPECT_EQ(2U, client->call(request).sequence());
}

TEST(DualBuffer, ManyRequestsUnderway) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    ServerOptions server_options;
    server_options.wait = wait;
    const auto server = serve_v1(name, complement, server_options);
    auto options = with_small_responses();
    options.wait = wait;
    const auto client = connect_v1(name, options);
    std::jthread sender([&] {
      std::mt19937_64 random(1);
      for (std::uint64_t n = 1; n <= 1000; ++n) client->send({.data = pattern(n, 1 + random() % 900)}, 60s);
    });
    std::mt19937_64 random(1);
    for (std::uint64_t n = 1; n <= 1000; ++n) {
      const auto response = client->receiveResponse(60s);
      ASSERT_EQ(n, response.sequence());
      ASSERT_TRUE(is_complement(response.data(), pattern(n, 1 + random() % 900)));
    }
  }
}

TEST(DualBuffer, ReceivingByNumberKeepsTheOthers) {
  const Name name;
  const auto server = serve_v1(name, complement);
  const auto client = connect_v1(name);
  for (std::uint64_t n = 1; n <= 4; ++n) client->send({.data = pattern(n, 100)});
  const auto third = client->receiveResponse(3, 5s);
  EXPECT_TRUE(is_complement(third.data(), pattern(3, 100)));
  EXPECT_EQ(1U, client->receiveResponse(5s).sequence());
  EXPECT_EQ(4U, client->receiveResponse(4, 5s).sequence());
  EXPECT_EQ(2U, client->receiveResponse(5s).sequence());
  EXPECT_THROW(static_cast<void>(client->receiveResponse(20)), TimeoutError);
}

TEST(DualBuffer, ManyThreadsCall) {
  const Name name;
  const auto server = serve_v1(name, complement);
  const auto client = connect_v1(name);
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937_64 random(t);
        for (int i = 0; i < 300; ++i) {
          const auto request = pattern(random(), 1 + random() % 500);
          switch (random() % 4) {
            case 0:
              client->send({.data = request, .one_way = true}, 60s);
              break;
            case 1: {
              const auto sequence = client->send({.data = request}, 60s);
              if (!is_complement(client->receiveResponse(sequence, 60s).data(), request)) ++wrong;
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
}

// The handler of an in-place server.

TEST(DualBuffer, TheFrameIsACopyWithRoomForTheLargestResponse) {
  const Name name;
  std::vector<std::size_t> capacities;
  const auto server = serve_v1(name, [&](Frame& frame) {
    capacities.push_back(frame.capacity());
    EXPECT_EQ(0U, reinterpret_cast<std::uintptr_t>(frame.get_mutable_data()) % 64);
    EXPECT_EQ(0U, frame.opcode());
    EXPECT_FALSE(frame.isOneWay());
    std::uint8_t* const before = frame.get_mutable_data();
    frame.resize(frame.size() * 2);
    EXPECT_EQ(before, frame.get_mutable_data()) << "what points into it stays right";
    const auto data = frame.data();
    std::copy(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(data.size() / 2),
              data.begin() + static_cast<std::ptrdiff_t>(data.size() / 2));
  });
  const auto client = connect_v1(name);
  for (std::uint64_t n = 1; n <= 50; ++n) {  // wherever in the ring
    const auto request = pattern(n, 1 + n * 3);
    const auto response = client->call(request);
    ASSERT_EQ(2 * request.size(), response.size());
    ASSERT_TRUE(std::equal(request.begin(), request.end(), response.data().begin() + static_cast<std::ptrdiff_t>(request.size())));
  }
  for (const std::size_t capacity : capacities) EXPECT_EQ(small_payload - header, capacity);
}

TEST(DualBuffer, ResponsesOfEverySize) {
  const Name name;
  const auto server = serve_v1(name, [&](Frame& frame) {
    std::uint32_t size = 0;
    std::memcpy(&size, frame.data().data(), sizeof size);
    frame.resize(size);
    std::memset(frame.data().data(), static_cast<int>(size & 0xFFU), size);
  });
  const auto client = connect_v1(name);
  // Up to nearly half the payload every size has a place everywhere.
  for (std::uint32_t size = 1; size <= small_payload / 2 - header / 2 - header; size += 7) {
    const auto response = client->call(std::as_bytes(std::span(&size, 1)));
    ASSERT_EQ(size, response.size());
    ASSERT_EQ(static_cast<std::byte>(size & 0xFFU), response.data().back());
  }
  // Larger ones have it at the start of the ring, where a fresh client is.
  for (const std::size_t size : {small_payload - header, small_payload - 2 * header, small_payload / 2 + 100}) {
    const auto fresh_name = Name();
    const auto fresh_server = serve_v1(fresh_name, [&](Frame& frame) { frame.resize(size); });
    EXPECT_EQ(size, connect_v1(fresh_name)->call(bytes("x")).size());
  }
}

TEST(DualBuffer, ARequestLargerThanTheResponseBuffer) {
  const Name name;
  const auto server = serve_v1(name, [](Frame& frame) {
    EXPECT_EQ(64U - header, frame.capacity());
    if (frame.data()[0] == std::byte{1}) frame.resize(10);
  });
  ClientOptions options;
  options.response_config = BufferConfig(0, 64);
  const auto client = connect_v1(name, options);
  std::vector<std::byte> request(500, std::byte{1});
  EXPECT_EQ(10U, client->call(request).size());
  request[0] = std::byte{2};
  EXPECT_TRUE(text(client->call(request).data()).starts_with("a frame of 16 + 500")) << "it cannot be answered as it is";
}

// The handler of two places.

TEST(DualBuffer, AnImmutableHandlerWritesItsResponse) {
  const Name name;
  auto server = create_v1(name);
  server->startImmutable([](const ImmutableRequest& request, ImmutableResponse& response) {
    EXPECT_EQ(small_payload - header, response.capacity());
    if (request.sequence() % 2 == 0) {
      response.write(request.data());
    } else {
      const auto to = response.acquire(request.size() + 1);
      std::copy(request.data().begin(), request.data().end(), to.begin());
      to.back() = std::byte{'!'};
    }
  });
  const auto client = connect_v1(name);
  EXPECT_EQ("one!", text(client->call(bytes("one")).data()));
  EXPECT_EQ("two", text(client->call(bytes("two")).data()));
}

TEST(DualBuffer, AnImmutableHandlersViewsFailClearlyWhenTheyAreOver) {
  const Name name;
  auto server = create_v1(name);
  const ImmutableRequest* stale_request = nullptr;
  ImmutableResponse* stale_response = nullptr;
  std::atomic<int> checked{0};
  server->startImmutable([&](const ImmutableRequest& request, ImmutableResponse& response) {
    response.write("x", 1);
    EXPECT_THROW(response.write("x", 1), InvalidArgumentError) << "once";
    EXPECT_THROW(static_cast<void>(response.acquire(1)), InvalidArgumentError);
    stale_request = &request;
    stale_response = &response;
    ++checked;
  });
  const auto client = connect_v1(name);
  EXPECT_EQ("x", text(client->call(bytes("r")).data()));
  EXPECT_EQ(1, checked);
}

// What v1 cannot do.

TEST(DualBuffer, WhatV1CannotSendIsRefused) {
  const Name name;
  const auto server = serve_v1(name, complement);
  const auto client = connect_v1(name);
  EXPECT_THROW(client->send({.data = bytes("x"), .opcode = 1}), InvalidArgumentError);
  EXPECT_THROW(static_cast<void>(client->call({.data = bytes("x"), .opcode = 1})), InvalidArgumentError);
  EXPECT_THROW(client->sendRequest({}), InvalidFrameSizeError);
  EXPECT_THROW(static_cast<void>(client->acquireRequestBuffer(0)), InvalidFrameSizeError);
  EXPECT_THROW(static_cast<void>(client->call({.data = bytes("x"), .one_way = true})), InvalidArgumentError);
  EXPECT_THROW(client->sendRequest(pattern(1, 5000)), FrameTooLargeError);
  EXPECT_THROW(static_cast<void>(client->call(bytes("x"), -1)), InvalidArgumentError);
  EXPECT_THROW(client->send({.data = bytes("x")}, -1ms), InvalidArgumentError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(-1)), InvalidArgumentError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(1, -1)), InvalidArgumentError);
  auto buffer = client->acquireRequestBuffer(1);
  buffer.setOpcode(5);
  EXPECT_THROW(buffer.commit(), InvalidArgumentError);
  buffer.setOpcode(0);
  EXPECT_EQ(1U, buffer.commit()) << "it was not lost";
  EXPECT_EQ(2U, client->send({.data = bytes("abc"), .capacity = 1})) << "a capacity means nothing";
  EXPECT_EQ(1U, client->receiveResponse(5s).size());
  EXPECT_EQ(3U, client->receiveResponse(5s).size());
}

TEST(DualBuffer, CancellingIsAlwaysTooLate) {
  const Name name;
  std::latch go(1);
  const auto server = serve_v1(name, [&](Frame&) { go.wait(); });
  const auto client = connect_v1(name);
  client->sendRequest(bytes("a"));
  const auto sequence = client->sendRequest(bytes("b"));
  EXPECT_FALSE(client->cancel(sequence));
  EXPECT_THROW(client->cancel(3), UnknownSequenceError);
  EXPECT_THROW(client->cancel(0), UnknownSequenceError);
  go.count_down();
  const auto response = client->receiveResponse(sequence, 5s);
  EXPECT_THROW(client->cancel(sequence), UnknownSequenceError);
}

TEST(DualBuffer, UnknownSequence) {
  const Name name;
  const auto server = serve_v1(name, complement);
  const auto client = connect_v1(name);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(0, 0)), UnknownSequenceError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(1, 0)), UnknownSequenceError);
  const auto sequence = client->sendRequest(bytes("x"));
  {
    const auto response = client->receiveResponse(sequence, 5s);
    EXPECT_THROW(static_cast<void>(client->receiveResponse(sequence, 0)), UnknownSequenceError);
  }
  EXPECT_THROW(static_cast<void>(client->receiveResponse(sequence, 0)), UnknownSequenceError);
  const auto one_way = client->send({.data = bytes("x"), .one_way = true});
  EXPECT_THROW(static_cast<void>(client->receiveResponse(one_way, 0)), UnknownSequenceError);
}

TEST(DualBuffer, AnswersToOneWayRequestsAreDropped) {
  const Name name;
  std::atomic<int> handled{0};
  const auto server = serve_v1(name, [&](Frame& frame) {
    ++handled;
    frame.resize(400);
  });
  const auto client = connect_v1(name);
  // Far more than either buffer holds, and nobody receives.
  for (int i = 0; i < 500; ++i) client->send({.data = pattern(1, 100), .one_way = true}, 60s);
  const auto response = client->call(bytes("x"), 60'000);
  EXPECT_EQ(501U, response.sequence());
  EXPECT_EQ(501, handled);
  auto buffer = client->acquireRequestBuffer(3);
  buffer.setOneWay();
  buffer.commit();
  EXPECT_THROW(static_cast<void>(client->receiveResponse(20)), TimeoutError);
}

TEST(DualBuffer, ATimedOutCallIsAbandoned) {
  const Name name;
  std::latch go(1);
  const auto server = serve_v1(name, [&](Frame& frame) {
    go.wait();
    complement(frame);
  });
  const auto client = connect_v1(name);
  EXPECT_THROW(static_cast<void>(client->call(bytes("late"), 20)), TimeoutError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(1, 0)), UnknownSequenceError);
  const auto kept = client->sendRequest(bytes("kept"));
  EXPECT_THROW(static_cast<void>(client->receiveResponse(kept, 10)), TimeoutError);
  go.count_down();
  EXPECT_TRUE(is_complement(client->receiveResponse(5s).data(), bytes("kept"))) << "the late one is dropped, in its turn";
  EXPECT_TRUE(is_complement(client->call(bytes("next")).data(), bytes("next")));
}

TEST(DualBuffer, AFullResponseBufferHoldsTheServerUntilTheClientReleases) {
  const Name name;
  std::atomic<int> handled{0};
  const auto server = serve_v1(name, [&](Frame& frame) {
    ++handled;
    frame.resize(900);
  });
  const auto client = connect_v1(name);
  for (int i = 0; i < 6; ++i) client->send({.data = bytes("x")});
  std::vector<Response> held;
  for (int i = 0; i < 4; ++i) held.push_back(client->receiveResponse(5s));
  EXPECT_THROW(static_cast<void>(client->receiveResponse(50)), TimeoutError) << "4 x 916 of 4096 bytes";
  EXPECT_EQ(5, handled);
  held.clear();
  EXPECT_EQ(5U, client->receiveResponse(5s).sequence());
  EXPECT_EQ(6U, client->receiveResponse(5s).sequence());
}

// Metadata.

TEST(DualBuffer, MetadataBothWays) {
  const Name name;
  auto server = create_v1(name);
  server->setMetadata(bytes("of the server"));
  EXPECT_THROW(server->setMetadata(bytes("again")), MetadataAlreadyWrittenError);
  server->start(complement);
  const auto client = connect_v1(name);
  EXPECT_TRUE(server->clientMetadata().empty());
  EXPECT_TRUE(client->serverMetadata().empty()) << "the server has not attached yet";
  client->setMetadata(bytes("of the client"));
  EXPECT_EQ("of the client", text(server->clientMetadata()));
  EXPECT_THROW(client->setMetadata(bytes("again")), MetadataAlreadyWrittenError);
  static_cast<void>(client->call(bytes("x")));
  EXPECT_EQ("of the server", text(client->serverMetadata()));
  client->close();
  const auto next = connect_v1(name);
  EXPECT_THROW(next->setMetadata(bytes("of the next")), MetadataAlreadyWrittenError) << "a v1 buffer takes it once";
  static_cast<void>(next->call(bytes("x")));
  EXPECT_EQ("of the server", text(next->serverMetadata())) << "into each client's buffer";
}

TEST(DualBuffer, MetadataWrittenWhileAClientIsThere) {
  const Name name;
  const auto server = serve_v1(name, complement);
  const auto client = connect_v1(name);
  static_cast<void>(client->call(bytes("x")));
  EXPECT_TRUE(client->serverMetadata().empty());
  server->setMetadata(bytes("late"));
  EXPECT_EQ("late", text(client->serverMetadata()));
}

TEST(DualBuffer, AClientWithoutRoomForTheServersMetadata) {
  const Name name;
  std::atomic<int> reported{0};
  ServerOptions server_options;
  server_options.on_error = [&](const Error& e) {
    if (e.code() == ErrorCode::metadata_too_large) ++reported;
  };
  auto server = create_v1(name, server_options);
  server->setMetadata(pattern(1, 200));
  server->start(complement);
  const auto client = connect_v1(name);
  EXPECT_EQ(1U, client->call(bytes("x")).sequence());
  EXPECT_TRUE(client->serverMetadata().empty());
  EXPECT_EQ(1, reported);
  client->close();
  auto options = with_small_responses();
  options.response_config = BufferConfig(256, small_payload);
  const auto next = connect_v1(name, options);
  static_cast<void>(next->call(bytes("x")));
  EXPECT_EQ(pattern(1, 200), next->serverMetadata());
}

// Lives.

TEST(DualBuffer, ASecondClientWaitsForItsTurn) {
  const Name name;
  const auto server = serve_v1(name, complement);
  auto client = connect_v1(name);
  auto options = with_small_responses();
  options.connect_timeout = 0ms;
  EXPECT_THROW(connect_v1(name, options), WriterAlreadyConnectedError);
  EXPECT_EQ(1U, client->call(bytes("x")).sequence()) << "the first one is not disturbed";
  std::jthread second([&] {
    auto patient = with_small_responses();
    patient.connect_timeout = 60s;
    EXPECT_EQ(1U, connect_v1(name, patient)->call(bytes("y")).sequence());
  });
  std::this_thread::sleep_for(20ms);
  client->close();
}

TEST(DualBuffer, ClientsComeAndGo) {
  const Name name;
  const auto server = serve_v1(name, complement);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto client = connect_v1(name);
    for (std::uint64_t n = 1; n <= i % 4; ++n) {
      const auto request = pattern(i, 1 + i * 8);
      const auto response = client->call(request, 60'000);
      ASSERT_EQ(n, response.sequence());
      ASSERT_TRUE(is_complement(response.data(), request));
    }
  }
}

TEST(DualBuffer, WhatAClientLeftIsAnsweredToNobody) {
  const Name name;
  std::mutex mutex;
  std::vector<std::string> handled;
  std::latch taken(1);
  std::latch go(1);
  const auto server = serve_v1(name, [&](Frame& frame) {
    {
      const std::lock_guard lock(mutex);
      handled.push_back(text(frame.data()));
    }
    if (text(frame.data()) == "hold") {
      taken.count_down();
      go.wait();
    }
  });
  {
    const auto first = connect_v1(name);
    first->sendRequest(bytes("hold"));
    first->sendRequest(bytes("left"));
    first->sendRequest(bytes("left too"));
    taken.wait();
  }
  auto options = with_small_responses();
  options.connect_timeout = 20ms;
  EXPECT_THROW(connect_v1(name, options), ServerBusyError) << "the server has not read them";
  std::jthread letting_go([&] {
    std::this_thread::sleep_for(20ms);
    go.count_down();
  });
  options.connect_timeout = 60s;
  const auto next = connect_v1(name, options);
  EXPECT_EQ("mine", text(next->call(bytes("mine"), 60'000).data()));
  const std::lock_guard lock(mutex);
  EXPECT_EQ("mine", handled.back());
  EXPECT_EQ(2U, handled.size()) << "their handlers need not run";
}

TEST(DualBuffer, WhatAClientLeftBeforeTheServerSawItIsAnsweredToNobody) {
  const Name name;
  auto server = create_v1(name);
  {
    const auto first = connect_v1(name);
    first->sendRequest(bytes("left"));
    first->sendRequest(bytes("left too"));
  }
  // The next one is attached before the server begins, which cannot tell by the pid whose requests these are.
  auto options = with_small_responses();
  options.connect_timeout = 60s;
  std::atomic<int> handled{0};
  std::jthread next([&] { EXPECT_EQ("mine", text(connect_v1(name, options)->call(bytes("mine"), 60'000).data())); });
  std::this_thread::sleep_for(20ms);
  server->start([&](Frame&) { ++handled; });
  next.join();
  EXPECT_EQ(1, handled);
}

TEST(DualBuffer, RequestsBeforeTheServerBegins) {
  const Name name;
  auto server = create_v1(name);
  const auto client = connect_v1(name);
  const auto sequence = client->sendRequest(bytes("early"));
  server->start(complement);
  EXPECT_TRUE(is_complement(client->receiveResponse(sequence, 60s).data(), bytes("early")));
}

TEST(DualBuffer, ViewsOutliveTheirClient) {
  const Name name;
  const auto server = serve_v1(name, complement);
  auto client = connect_v1(name);
  auto response = client->call(bytes("abc"));
  auto moved = client->call(bytes("def"));
  auto buffer = client->acquireRequestBuffer(3);
  client.reset();
  EXPECT_TRUE(is_complement(response.data(), bytes("abc")));
  response = std::move(moved);
  EXPECT_TRUE(is_complement(response.data(), bytes("def")));
  response.release();
  EXPECT_THROW(static_cast<void>(response.data()), FrameReleasedError);
  buffer.data()[0] = std::byte{1};
  EXPECT_THROW(buffer.commit(), ClosedError);
  EXPECT_EQ(1U, connect_v1(name)->call(bytes("x")).sequence()) << "only now there is room for another client";
}

TEST(DualBuffer, ClosingWakesWhoWaits) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    std::latch go(1);
    const auto server = serve_v1(name, [&](Frame&) { go.wait(); });
    auto options = with_small_responses();
    options.wait = wait;
    const auto client = connect_v1(name, options);
    const auto sequence = client->sendRequest(bytes("x"));
    std::vector<std::jthread> threads;
    threads.emplace_back([&] { EXPECT_THROW(static_cast<void>(client->receiveResponse(60s)), ClosedError); });
    threads.emplace_back([&] { EXPECT_THROW(static_cast<void>(client->receiveResponse(sequence, 60s)), ClosedError); });
    threads.emplace_back([&] {
      EXPECT_THROW(
          {
            for (;;) client->send({.data = pattern(1, 1000)}, 60s);
          },
          ClosedError);
    });
    std::this_thread::sleep_for(30ms);
    client->close();
    client->close();
    threads.clear();
    EXPECT_THROW(client->sendRequest(bytes("x")), ClosedError);
    EXPECT_THROW(static_cast<void>(client->receiveResponse(0)), ClosedError);
    EXPECT_THROW(client->setMetadata({}), ClosedError);
    EXPECT_THROW(static_cast<void>(client->serverMetadata()), ClosedError);
    EXPECT_FALSE(client->isServerConnected());
    go.count_down();
  }
}

TEST(DualBuffer, StoppingLeavesTheResponsesToTheClient) {
  const Name name;
  std::latch go(1);
  std::latch taken(1);
  auto server = serve_v1(name, [&](Frame& frame) {
    taken.count_down();
    go.wait();
    complement(frame);
  });
  const auto client = connect_v1(name);
  const auto first = client->sendRequest(bytes("a"));
  taken.wait();
  client->sendRequest(bytes("b"));
  client->sendRequest(bytes("c"));
  server->requestStop();
  go.count_down();
  server->stop(5000);
  EXPECT_TRUE(is_complement(client->receiveResponse(first, 5s).data(), bytes("a"))) << "what is answered is delivered";
  try {
    static_cast<void>(client->receiveResponse(60s));
    FAIL();
  } catch (const ServerDeadError& e) {
    EXPECT_NE(std::string::npos, e.detail().find("lost requests: 2, 3")) << e.detail();
  }
  EXPECT_THROW(client->sendRequest(bytes("d")), ServerDeadError);
  EXPECT_FALSE(client->isServerConnected());
  EXPECT_THROW(server->start(complement), ClosedError);
  EXPECT_THROW(server->setMetadata({}), ClosedError);
  EXPECT_THROW(static_cast<void>(server->clientMetadata()), ClosedError);
  server->stop();
}

TEST(DualBuffer, StoppingWithAHandlerThatHangs) {
  const Name name;
  std::latch go(1);
  std::latch taken(1);
  const auto server = serve_v1(name, [&](Frame&) {
    taken.count_down();
    go.wait();
  });
  const auto client = connect_v1(name);
  client->sendRequest(bytes("x"));
  taken.wait();
  EXPECT_THROW(server->stop(-1), InvalidArgumentError);
  EXPECT_THROW(server->stop(50), TimeoutError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(60s)), ServerDeadError) << "the channel is removed all the same";
  go.count_down();
}

TEST(DualBuffer, StoppingUnderAResponseThatWaitsForRoom) {
  const Name name;
  std::atomic<int> handled{0};
  auto server = serve_v1(name, [&](Frame& frame) {
    ++handled;
    frame.resize(2000);
  });
  const auto client = connect_v1(name);
  for (int i = 0; i < 3; ++i) client->sendRequest(bytes("x"));
  const auto first = client->receiveResponse(5s);
  const auto second = client->receiveResponse(5s);
  ASSERT_TRUE(eventually([&] { return handled == 3; }));
  EXPECT_THROW(server->stop(50), TimeoutError);
  server.reset();  // does not hang
  EXPECT_EQ(2000U, first.size());
}

TEST(DualBuffer, StoppingFromAHandler) {
  const Name name;
  std::atomic<bool> refused{false};
  IDuplexServer* running = nullptr;
  auto server = create_v1(name);
  running = server.get();
  server->start([&](Frame&) {
    try {
      running->stop();
    } catch (const InvalidArgumentError&) {
      refused = true;
    }
    running->requestStop();
  });
  const auto client = connect_v1(name);
  EXPECT_EQ(1U, client->call(bytes("x")).sequence());
  EXPECT_TRUE(refused);
  server->stop(5000);
}

TEST(DualBuffer, AHandlerMayDestroyItsServer) {
  const Name name;
  std::unique_ptr<IDuplexServer> server = create_v1(name);
  std::latch destroyed(1);
  server->start([&](Frame&) {
    server.reset();
    destroyed.count_down();
  });
  const auto client = connect_v1(name);
  EXPECT_THROW(static_cast<void>(client->call(bytes("x"), 60'000)), ServerDeadError);
  destroyed.wait();
}

TEST(DualBuffer, TheResponseBufferIsForTheServersUserUnlessOthersAreAllowed) {
  const Name name;
  const auto server = serve_v1(name, complement);
  const auto mode = [&](bool others) {
    auto options = with_small_responses();
    options.allow_other_users = others;
    const auto client = connect_v1(name, options);
    struct stat status {};
    EXPECT_EQ(0, ::stat((name.path() + "_response").c_str(), &status));
    return status.st_mode & 07777U;
  };
  EXPECT_EQ(0600U, mode(false));
  EXPECT_EQ(0666U, mode(true));
}

}  // namespace
}  // namespace zeroduplex
