// How duplex channels of ZeroBuffer v1 fail: handlers, peers that are not ours, and memory that was spoiled.

#include <atomic>
#include <cstring>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <zeroduplex/zeroduplex.hpp>

#include "dual_buffer_support.hpp"
#include "raw_stream.hpp"
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
using test::RawStream;
using test::text;
using namespace test::dual_buffer;

/// Remembers what a server reports.
class Reports {
 public:
  ServerOptions options() {
    ServerOptions options;
    options.on_error = [this](const Error& e) {
      const std::lock_guard lock(mutex_);
      reports_.push_back(e);
    };
    return options;
  }
  std::size_t count(ErrorCode code) {
    const std::lock_guard lock(mutex_);
    std::size_t n = 0;
    for (const Error& e : reports_) n += e.code() == code ? 1 : 0;
    return n;
  }
  Error last() {
    const std::lock_guard lock(mutex_);
    return reports_.back();
  }

 private:
  std::mutex mutex_;
  std::vector<Error> reports_;
};

std::string call(IDuplexClient& client, std::string_view request) { return text(client.call(bytes(request), 60'000).data()); }

TEST(DualBufferErrors, AFailureIsAMessageAndAReport) {
  const Name name;
  Reports reports;
  const auto server = serve_v1(
      name,
      [](Frame& frame) {
        switch (std::to_integer<int>(frame.data()[0])) {
          case '1':
            throw std::runtime_error("no such picture");
          case '2':
            return frame.fail(7, "seven");
          case '3':
            throw 5;
          case '4':
            return frame.fail(8, "");
          case '5':
            throw ClosedError("another channel of the handler's");
          case '6':
            return frame.resize(0);
          case '7':
            return frame.resize(frame.capacity() + 1);
          default:
            complement(frame);
        }
      },
      reports.options());
  const auto client = connect_v1(name);
  EXPECT_EQ("no such picture", call(*client, "1"));
  EXPECT_EQ(ErrorCode::handler_failed, reports.last().code());
  EXPECT_EQ(1U, reports.last().sequence());
  EXPECT_EQ(-1, reports.last().status());
  EXPECT_EQ("no such picture", reports.last().message());
  EXPECT_EQ("seven", call(*client, "2"));
  EXPECT_EQ(7, reports.last().status());
  EXPECT_EQ(2U, reports.last().sequence());
  EXPECT_NE(std::string::npos, call(*client, "3").find("no std::exception"));
  EXPECT_FALSE(call(*client, "4").empty()) << "there is no empty response";
  EXPECT_NE(std::string::npos, call(*client, "5").find("another channel")) << "it is not taken for ours";
  EXPECT_NE(std::string::npos, call(*client, "6").find("empty"));
  EXPECT_EQ(6U, reports.count(ErrorCode::handler_failed));
  EXPECT_NE(std::string::npos, call(*client, "7").find("4081"));
  EXPECT_EQ(ErrorCode::response_too_large, reports.last().code());
  EXPECT_EQ(-2, reports.last().status());
  EXPECT_EQ(7U, reports.last().sequence());
  EXPECT_TRUE(is_complement(client->call(bytes("x")).data(), bytes("x"))) << "the server goes on";
}

TEST(DualBufferErrors, AnImmutableHandlersFailure) {
  const Name name;
  Reports reports;
  const auto server = create_v1(name, reports.options());
  server->startImmutable([](const ImmutableRequest& request, ImmutableResponse& response) {
    switch (std::to_integer<int>(request.data()[0])) {
      case '1':
        response.write(bytes("this is not sent"));
        throw std::runtime_error("after all not");
      case '2':
        return;
      case '3':
        throw 5;
      case '4':
        return response.write({});
      case '5':
        return static_cast<void>(response.acquire(response.capacity() + 1));
      case '6':
        throw ClientDeadError("of another channel of the handler's");
      case '7':
        throw std::runtime_error("");
      case '8':
        try {
          static_cast<void>(response.acquire(response.capacity() + 1));
        } catch (const ResponseTooLargeError&) {
          response.write(bytes("less"));
        }
        return;
      default:
        response.write(request.data());
    }
  });
  const auto client = connect_v1(name);
  EXPECT_EQ("after all not", call(*client, "1"));
  EXPECT_EQ("no response", call(*client, "2"));
  EXPECT_EQ("no response", reports.last().message());
  EXPECT_NE(std::string::npos, call(*client, "3").find("no std::exception"));
  EXPECT_NE(std::string::npos, call(*client, "4").find("0 bytes"));
  EXPECT_NE(std::string::npos, call(*client, "5").find("can never fit"));
  EXPECT_EQ(ErrorCode::response_too_large, reports.last().code());
  EXPECT_NE(std::string::npos, call(*client, "6").find("another channel"));
  EXPECT_FALSE(call(*client, "7").empty());
  EXPECT_EQ("less", call(*client, "8")) << "a handler may catch it";
  EXPECT_EQ("x", call(*client, "x"));
}

TEST(DualBufferErrors, TheMessageIsCutToWhatFits) {
  const Name name;
  const std::string euros(200, '\xE2');
  std::string message;
  for (int i = 0; i < 200; ++i) message += "\xE2\x82\xAC";
  const auto server = serve_v1(name, [&](Frame& frame) { frame.fail(1, message); });
  ClientOptions options;
  options.response_config = BufferConfig(0, 128);
  const auto client = connect_v1(name, options);
  for (int i = 0; i < 200; ++i) {  // wherever in the ring
    const std::string got = call(*client, "x");
    ASSERT_FALSE(got.empty());
    ASSERT_LE(got.size(), 128U - header);
    ASSERT_EQ(got, message.substr(0, got.size()));
  }
}

TEST(DualBufferErrors, AResponseThatHasNoPlaceJustNow) {
  const Name name;
  Reports reports;
  std::vector<std::size_t> sizes{1984, 3000, 1984};
  const auto server = serve_v1(
      name,
      [&](Frame& frame) {
        frame.resize(sizes.front());
        sizes.erase(sizes.begin());
      },
      reports.options());
  const auto client = connect_v1(name);
  EXPECT_EQ(1984U, client->call(bytes("x")).size());
  EXPECT_NE(std::string::npos, call(*client, "x").find("fits neither")) << "3000 bytes fit neither behind 2000 nor before";
  EXPECT_EQ(1U, reports.count(ErrorCode::response_too_large));
  EXPECT_EQ(1984U, client->call(bytes("x")).size());
}

TEST(DualBufferErrors, ARequestThatHasNoPlaceJustNow) {
  const Name name;
  const auto server = serve_v1(name, complement);
  const auto client = connect_v1(name);
  static_cast<void>(client->call(pattern(1, 1984)));
  EXPECT_THROW(client->sendRequest(pattern(1, 3000)), FrameUnplaceableError);
  static_cast<void>(client->call(pattern(1, 1500)));
  EXPECT_EQ(3U, client->call(pattern(1, 3000)).sequence());
}

TEST(DualBufferErrors, ArgumentsThatCannotBe) {
  const Name name;
  ServerOptions options;
  options.workers = 2;
  EXPECT_THROW(create_v1(name, options), InvalidArgumentError);
  options.workers = 0;
  EXPECT_THROW(create_v1(name, options), InvalidArgumentError);
  EXPECT_THROW(create_v1(std::string(192, 'a')), InvalidNameError) << "the suffixes count";
  EXPECT_THROW(create_v1("a/b"), InvalidNameError);
  EXPECT_THROW(DualBufferDuplexChannel(std::string(192, 'a')), InvalidNameError);
  EXPECT_THROW(connect_v1("a/b"), InvalidNameError);
  {
    const std::string longest = name.str() + "_" + std::string(190 - name.str().size(), 'a');
    const auto server = serve_v1(longest, complement);
    EXPECT_EQ(1U, connect_v1(longest)->call(bytes("x")).sequence());
  }
  auto at_once = with_small_responses();
  at_once.connect_timeout = 0ms;
  EXPECT_THROW(connect_v1(std::string(200, 'a'), at_once), ServerNotFoundError) << "a name that v2 may have";
  at_once.connect_timeout = -1ms;
  EXPECT_THROW(connect_v1(name, at_once), InvalidArgumentError);
  EXPECT_THROW(DualBufferDuplexChannel(name, at_once), InvalidArgumentError);
  const auto server = create_v1(name);
  EXPECT_THROW(server->start(nullptr), InvalidArgumentError);
  EXPECT_THROW(server->startImmutable(nullptr), InvalidArgumentError);
  server->start(complement);
  EXPECT_THROW(server->start(complement), InvalidArgumentError);
  EXPECT_THROW(server->startImmutable([](const ImmutableRequest&, ImmutableResponse&) {}), InvalidArgumentError);
  EXPECT_THROW(create_v1(name), ReaderAlreadyConnectedError);
  const test::HeapMemory memory(4096);
  auto view = with_small_responses();
  view.response_config = BufferConfig(0, memory.view());
  EXPECT_THROW(connect_v1(name, view), InvalidArgumentError);
  view = with_small_responses();
  view.memory = memory.view();
  EXPECT_THROW(DualBufferDuplexChannel(name, view), InvalidArgumentError);
}

TEST(DualBufferErrors, NoServer) {
  const Name name;
  ClientOptions options = with_small_responses();
  options.connect_timeout = 20ms;
  EXPECT_THROW(connect_v1(name, options), ServerNotFoundError);
  EXPECT_THROW(DualBufferDuplexChannel(name, options), ServerNotFoundError);
  options.connect_timeout = 0ms;
  EXPECT_THROW(DualBufferDuplexChannel(name, options), ServerNotFoundError);
  // A server that has died: createClient does not even try it.
  test::StreamImage{.reader_pid = test::dead_pid()}.put(name.str() + "_request");
  EXPECT_THROW(connect_v1(name, options), ServerNotFoundError);
  EXPECT_THROW(DualBufferDuplexChannel(name, options), ServerNotFoundError);
  name.clean();
}

TEST(DualBufferErrors, AnotherUsersServer) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const Name name;
  const auto server = serve_v1(name, complement);
  ASSERT_EQ(0, ::chown((name.path() + "_request").c_str(), 12345, 12345));
  EXPECT_THROW(connect_v1(name), PermissionDeniedError);
  auto options = with_small_responses();
  options.allow_other_users = true;
  EXPECT_EQ(1U, connect_v1(name, options)->call(bytes("x")).sequence());
}

TEST(DualBufferErrors, AClientThatDoesNotGetItsBufferIsInNobodysWay) {
  const Name name;
  const auto server = serve_v1(name, complement);
  auto options = with_small_responses();
  options.response_config = BufferConfig(0, std::uint64_t{1} << 50U);
  EXPECT_THROW(connect_v1(name, options), OutOfMemoryError);
  EXPECT_EQ(0U, RawStream(name.str() + "_request").info().writer_pid);
  EXPECT_EQ(1U, connect_v1(name)->call(bytes("x")).sequence());
}

TEST(DualBufferErrors, AResponseBufferOfSomebodyElse) {
  const Name name;
  const auto server = serve_v1(name, complement);
  const Reader other(name.str() + "_response", small);
  auto options = with_small_responses();
  options.connect_timeout = 20ms;
  EXPECT_THROW(connect_v1(name, options), WriterAlreadyConnectedError);
}

// Peers made of readers and writers, as published libraries make them.

TEST(DualBufferErrors, APublishedClient) {
  const Name name;
  const auto server = serve_v1(name, [](Frame& frame) {
    if (frame.data()[0] == std::byte{'!'}) throw std::runtime_error("failed");
    complement(frame);
  });
  for (int attachment = 0; attachment < 3; ++attachment) {
    Writer requests(name.str() + "_request");
    Reader responses(name.str() + "_response", small);
    for (std::uint64_t n = 1; n <= 100; ++n) {
      requests.writeFrame(n == 50 ? bytes("!") : pattern(n, n));
      const auto response = responses.readFrame(60s);
      ASSERT_EQ(n, response.sequence()) << "one response per request, numbered by itself, also on failure";
      if (n != 50) {
        ASSERT_TRUE(is_complement(response.data(), pattern(n, n)));
      }
    }
  }
}

TEST(DualBufferErrors, AClientThatKeepsItsBufferAndAttachesAnew) {
  const Name name;
  Reports reports;
  const auto server = serve_v1(name, complement, reports.options());
  server->setMetadata(bytes("m"));
  Reader responses(name.str() + "_response", small);
  for (int i = 0; i < 5; ++i) {
    Writer requests(name.str() + "_request");
    requests.writeFrame(bytes("x"));
    EXPECT_EQ(1U, responses.readFrame(60s).sequence()) << "the server attached anew, too";
    EXPECT_EQ("m", text(*responses.metadata()));
  }
  EXPECT_EQ(0U, reports.count(ErrorCode::metadata_already_written));
}

TEST(DualBufferErrors, AClientThatMakesItsBufferLate) {
  const Name name;
  const auto server = serve_v1(name, complement);
  Writer requests(name.str() + "_request");
  requests.writeFrame(bytes("x"));
  ASSERT_TRUE(eventually([&] { return RawStream(name.str() + "_request").written().value() == 0; })) << "the server has it";
  Reader responses(name.str() + "_response", small);
  EXPECT_TRUE(is_complement(responses.readFrame(60s).data(), bytes("x")));
}

TEST(DualBufferErrors, AClientWithoutABuffer) {
  const Name name;
  Reports reports;
  std::atomic<int> handled{0};
  const auto server = serve_v1(
      name, [&](Frame&) { ++handled; }, reports.options());
  {
    Writer requests(name.str() + "_request");
    for (int i = 0; i < 3; ++i) requests.writeFrame(bytes("x"));
    ASSERT_TRUE(eventually([&] { return requests.isReaderConnected() && reports.count(ErrorCode::buffer_not_found) == 1; }));
  }
  EXPECT_EQ("y", call(*connect_v1(name), "y"));
  EXPECT_EQ(1, handled) << "nobody was there to be answered";
}

TEST(DualBufferErrors, APublishedServer) {
  const Name name;
  Reader requests(name.str() + "_request", small);
  std::jthread serving([&] {
    std::unique_ptr<Writer> responses;
    for (int i = 0; i < 100; ++i) {
      const auto request = requests.readFrame(60s);
      if (!responses) responses = std::make_unique<Writer>(name.str() + "_response");
      auto response = responses->acquireFrameBuffer(request.size());
      std::transform(request.data().begin(), request.data().end(), response.data().begin(), [](std::byte b) { return ~b; });
      response.commit();
    }
    // Its reader goes at the end of the test; until then the client reads.
    while (responses->isReaderConnected()) std::this_thread::sleep_for(1ms);
  });
  const auto client = connect_v1(name);
  for (std::uint64_t n = 1; n <= 100; ++n) ASSERT_TRUE(is_complement(client->call(pattern(n, n * 9)).data(), pattern(n, n * 9)));
}

TEST(DualBufferErrors, AResponseToNoRequest) {
  const Name name;
  Reader requests(name.str() + "_request", small);
  const auto client = connect_v1(name);
  client->sendRequest(bytes("x"));
  Writer responses(name.str() + "_response");
  responses.writeFrame(bytes("one"));
  responses.writeFrame(bytes("two"));
  EXPECT_EQ("one", text(client->receiveResponse(60s).data()));
  EXPECT_THROW(static_cast<void>(client->receiveResponse(60s)), CorruptedError);
  EXPECT_THROW(client->sendRequest(bytes("y")), CorruptedError);
  EXPECT_FALSE(client->isServerConnected());
}

// The server goes.

TEST(DualBufferErrors, AServerThatClosesWhileAClientWaits) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    auto requests = std::make_unique<Reader>(name.str() + "_request", small);
    auto options = with_small_responses();
    options.wait = wait;
    const auto client = connect_v1(name, options);
    const auto sequence = client->sendRequest(bytes("x"));
    for (int i = 0; i < 3; ++i) client->send({.data = pattern(1, 1000)});
    std::jthread closer([&] {
      std::this_thread::sleep_for(30ms);
      requests.reset();
    });
    std::jthread sending([&] { EXPECT_THROW(client->send({.data = pattern(1, 2000)}, 60s), ServerDeadError); });
    try {
      static_cast<void>(client->receiveResponse(sequence, 60s));  // the server never attached to the response buffer
      FAIL();
    } catch (const ServerDeadError& e) {
      EXPECT_NE(std::string::npos, e.detail().find("lost requests: 1, 2, 3, 4")) << e.detail();
    }
    sending.join();
    EXPECT_THROW(client->setMetadata(bytes("m")), ServerDeadError);
    EXPECT_FALSE(client->isServerConnected());
  }
}

TEST(DualBufferErrors, AClientThatGoesWhileTheServerWaitsForRoom) {
  const Name name;
  Reports reports;
  std::atomic<int> handled{0};
  const auto server = create_v1(name, reports.options());
  std::atomic<bool> told{false};
  server->startImmutable([&](const ImmutableRequest& request, ImmutableResponse& response) {
    ++handled;
    try {
      const auto to = response.acquire(1900);
      std::memset(to.data(), 1, to.size());
    } catch (const ClientDeadError&) {
      told = true;
      throw;
    }
    EXPECT_EQ(1U, request.size());
  });
  std::optional<Response> held;  // until the server has noticed
  {
    const auto client = connect_v1(name);
    for (int i = 0; i < 5; ++i) client->sendRequest(bytes("x"));
    held.emplace(client->receiveResponse(5s));
    ASSERT_TRUE(eventually([&] { return handled == 3; }));
  }
  ASSERT_TRUE(eventually([&] { return told.load(); }));
  const auto next = connect_v1(name);
  EXPECT_EQ(1900U, next->call(bytes("y"), 60'000).size());
  EXPECT_EQ(4, handled) << "what the first one left is passed";
  EXPECT_EQ(0U, reports.count(ErrorCode::handler_failed)) << "that is no failure of the handler's";
}

// Spoiled memory.

TEST(DualBufferErrors, CorruptionFoundByTheServer) {
  const Name name;
  Reports reports;
  const auto server = serve_v1(name, complement, reports.options());
  const auto client = connect_v1(name);
  static_cast<void>(client->call(bytes("x")));
  {
    const RawStream raw(name.str() + "_request");
    raw.buffer().store_header(17, {.payload_size = 9000, .sequence_number = 2});
    ++raw.info().payload_written_count;
    auto tokens = raw.written();
    ASSERT_TRUE(tokens.post());
  }
  EXPECT_THROW(static_cast<void>(client->receiveResponse(60s)), ServerDeadError) << "this client's buffer is given up";
  EXPECT_EQ(1U, reports.count(ErrorCode::corrupted));
  client->close();
  EXPECT_TRUE(is_complement(connect_v1(name)->call(bytes("y"), 60'000).data(), bytes("y"))) << "the next one has a new buffer";
}

TEST(DualBufferErrors, CorruptionFoundByTheClient) {
  const Name name;
  std::latch go(1);
  const auto server = serve_v1(name, [&](Frame&) { go.wait(); });
  const auto client = connect_v1(name);
  const auto sequence = client->sendRequest(bytes("x"));
  {
    const RawStream raw(name.str() + "_response");
    raw.buffer().store_header(0, {.payload_size = 0, .sequence_number = 5});
    ++raw.info().payload_written_count;
    auto tokens = raw.written();
    ASSERT_TRUE(tokens.post());
  }
  EXPECT_THROW(static_cast<void>(client->receiveResponse(sequence, 5s)), CorruptedError);
  EXPECT_THROW(client->sendRequest(bytes("x")), CorruptedError);
  go.count_down();
  client->close();
  EXPECT_EQ("y", call(*connect_v1(name), "y"));
}

TEST(DualBufferErrors, CorruptionOfTheResponseBufferFoundByTheServer) {
  const Name name;
  Reports reports;
  const auto server = serve_v1(name, complement, reports.options());
  const auto client = connect_v1(name);
  static_cast<void>(client->call(bytes("x")));
  RawStream(name.str() + "_response").info().payload_free_bytes = 100'000;
  EXPECT_THROW(static_cast<void>(client->call(bytes("y"), 60'000)), ServerDeadError) << "no answer will ever come";
  EXPECT_EQ(1U, reports.count(ErrorCode::corrupted));
  client->close();
  EXPECT_TRUE(is_complement(connect_v1(name)->call(bytes("z"), 60'000).data(), bytes("z")));
}

}  // namespace
}  // namespace zeroduplex
