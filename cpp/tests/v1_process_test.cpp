// Several processes that speak ZeroBuffer v1, and what happens when one of them is killed.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
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
using test::Process;
using test::RawStream;
using namespace test::dual_buffer;

const WriterOptions at_once = [] {
  WriterOptions options;
  options.connect_timeout = 0ms;
  return options;
}();

TEST(V1Processes, ManyFramesInBothDirections) {
  constexpr std::uint64_t count = 20'000;
  const Name name;
  {
    Process reading({"read-all", name, "4096", std::to_string(count)});
    ASSERT_EQ("ready", reading.line());
    Writer writer(name);
    for (std::uint64_t n = 1; n <= count; ++n) {
      if (n % 2 == 0) {
        writer.writeFrame(test::stream_frame(n), 60s);
      } else {
        const auto frame = test::stream_frame(n);
        auto buffer = writer.acquireFrameBuffer(frame.size(), 60s);
        std::copy(frame.begin(), frame.end(), buffer.data().begin());
        buffer.commit();
      }
    }
    EXPECT_EQ("done", reading.line());
    EXPECT_EQ(0, reading.wait());
  }
  Reader reader(name, BufferConfig(0, 4096));
  Process writing({"write-all", name, std::to_string(count)});
  std::vector<ReceivedFrame> held;
  for (std::uint64_t n = 1; n <= count; ++n) {
    held.push_back(reader.readFrame(60s));
    if (held.size() < 3) continue;
    // They have kept their bytes until now.
    for (std::size_t i = 0; i < held.size(); ++i) {
      ASSERT_TRUE(test::is_stream_frame(held[i], n - held.size() + 1 + i)) << n;
    }
    std::swap(held[0], held[2]);
    held.clear();
  }
  held.clear();
  EXPECT_EQ("done", writing.line());
  EXPECT_EQ(0, writing.wait());
  EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
  const RawStream raw(name);
  EXPECT_EQ(4096U, raw.info().payload_free_bytes);
  EXPECT_EQ(raw.info().payload_written_count, raw.info().payload_read_count);
}

TEST(V1Processes, AWriterIsKilledWhileTheReaderWaits) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    ReaderOptions options;
    options.wait = wait;
    Reader reader(name, small, options);
    Process writer({"write", name, "3"});
    ASSERT_EQ("ready", writer.line());
    EXPECT_TRUE(reader.isWriterConnected());
    EXPECT_EQ(1U, reader.readFrame().sequence());
    std::jthread killer([&] {
      std::this_thread::sleep_for(50ms);
      writer.kill(SIGKILL);  // and not reaped: a zombie is dead, too
    });
    EXPECT_EQ(2U, reader.readFrame().sequence());
    EXPECT_EQ(3U, reader.readFrame().sequence());
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "noticed within a slice, not at the deadline";
    killer.join();
    EXPECT_FALSE(reader.isWriterConnected());
    Process next({"write", name, "1"});
    ASSERT_EQ("ready", next.line());  // until it has attached, the dead one is the writer
    EXPECT_EQ(1U, reader.readFrame(60s).sequence()) << "another one takes its place";
  }
}

TEST(V1Processes, FramesOfAKilledWriterAreDeliveredFirst) {
  const Name name;
  Reader reader(name, small);
  Process writer({"write", name, "10"});
  ASSERT_EQ("ready", writer.line());
  writer.kill(SIGKILL);
  writer.wait();
  for (std::uint64_t n = 1; n <= 10; ++n) EXPECT_EQ(n, reader.readFrame(60s).sequence());
  EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
}

TEST(V1Processes, AWriterIsKilledOverAndOver) {
  for (int i = 0; i < 20; ++i) {
    const Name name;
    Reader reader(name, small);
    Process writer({"write-all", name, "1000000000"});
    std::uint64_t n = 0;
    ASSERT_TRUE(test::is_stream_frame(reader.readFrame(60s), ++n));
    std::jthread killer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(1 + i * 2));  // somewhere in the middle of its work
      writer.kill(SIGKILL);
    });
    try {
      for (;;) {
        const auto frame = reader.readFrame(60s);
        ASSERT_TRUE(test::is_stream_frame(frame, ++n));
      }
    } catch (const WriterDeadError&) {
    }
  }
}

TEST(V1Processes, AReaderIsKilledWhileTheWriterWaitsForRoom) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    Process reader({"read", name, "256"});
    ASSERT_EQ("ready", reader.line());
    WriterOptions options;
    options.wait = wait;
    Writer writer(name, options);
    EXPECT_TRUE(writer.isReaderConnected());
    writer.writeFrame(pattern(1, 240));
    std::jthread killer([&] {
      std::this_thread::sleep_for(50ms);
      reader.kill(SIGKILL);
    });
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(writer.writeFrame(bytes("x"), 60s), ReaderDeadError);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
    EXPECT_FALSE(writer.isReaderConnected());
    EXPECT_THROW(Writer(name, at_once), ReaderDeadError);
    name.clean();
  }
}

TEST(V1Processes, AKilledReadersNameIsTakenOverAlsoFromItsLivingWriter) {
  const Name name;
  Process first({"read", name, "1024"});
  ASSERT_EQ("ready", first.line());
  Writer writer(name);
  EXPECT_THROW(Reader(name, small), ReaderAlreadyConnectedError);
  first.kill(SIGKILL);
  first.wait();
  Reader second(name, small);
  ASSERT_TRUE(eventually([&] {
    try {
      writer.writeFrame(bytes("into the void"), 0);
      return false;
    } catch (const BufferFullError&) {
      return false;  // not looked at its reader again yet
    } catch (const ReaderDeadError&) {
      return true;
    }
  }));
  writer.close();
  EXPECT_EQ(1U, Writer(name, at_once).writeFrame(bytes("x")));
  EXPECT_EQ("x", test::text(second.readFrame().data()));
}

TEST(V1Processes, ManyCallsToAnotherProcess) {
  const Name name;
  Process server({"serve-v1", name, "8192"});
  ASSERT_EQ("ready", server.line());
  {
    const auto client = connect_v1(name);
    for (std::uint64_t i = 0; i < 5000; ++i) {
      const auto request = pattern(i, 1 + i % 2000);
      ASSERT_TRUE(is_complement(client->call(request, 60'000).data(), request));
    }
  }
  Process client({"call", name, "5000", "7"});
  EXPECT_EQ("calling", client.line());
  EXPECT_EQ("done", client.line());
  EXPECT_EQ(0, client.wait());
  server.kill(SIGTERM);
  EXPECT_EQ(0, server.wait());
}

TEST(V1Processes, TheServerIsKilledWhileAClientWaits) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    Process server({"serve-v1", name, "8192"});
    ASSERT_EQ("ready", server.line());
    auto options = with_small_responses();
    options.wait = wait;
    const auto client = connect_v1(name, options);
    client->sendRequest(bytes("answered"));
    client->sendRequest(std::vector(1, std::byte{0xEE}));
    client->sendRequest(bytes("not taken"));
    const auto answered = client->receiveResponse(1, 60s);
    std::jthread killer([&] {
      std::this_thread::sleep_for(50ms);
      server.kill(SIGKILL);
    });
    const auto begin = std::chrono::steady_clock::now();
    try {
      static_cast<void>(client->receiveResponse(60s));
      FAIL();
    } catch (const ServerDeadError& e) {
      EXPECT_NE(std::string::npos, e.detail().find("lost requests: 2, 3")) << e.detail();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "noticed within a slice, not at the deadline";
    EXPECT_FALSE(client->isServerConnected());
    killer.join();
    name.clean();  // it was killed
  }
}

TEST(V1Processes, AKilledServersNameIsTakenOver) {
  const Name name;
  {
    Process server({"serve-v1", name, "8192"});
    ASSERT_EQ("ready", server.line());
    EXPECT_THROW(create_v1(name), ReaderAlreadyConnectedError);
    server.kill(SIGKILL);
    server.wait();
  }
  auto options = with_small_responses();
  options.connect_timeout = 0ms;
  EXPECT_THROW(connect_v1(name, options), ServerNotFoundError);
  const auto server = serve_v1(name, complement);
  EXPECT_EQ(1U, connect_v1(name)->call(bytes("x")).sequence());
}

TEST(V1Processes, AClientIsKilledAndTheNextOneServed) {
  const Name name;
  std::atomic<int> handled{0};
  const auto server = serve_v1(name, [&](Frame& frame) {
    ++handled;
    complement(frame);
  });
  for (const char* what : {"hold", "one-way", "acquire"}) {
    Process client({what, name, "10"});
    ASSERT_EQ("ready", client.line());
    auto options = with_small_responses();
    options.connect_timeout = 0ms;
    EXPECT_THROW(connect_v1(name, options), WriterAlreadyConnectedError);
    client.kill(SIGKILL);
    client.wait();
    const auto next = connect_v1(name);
    EXPECT_EQ(1U, next->call(bytes("x"), 60'000).sequence());
    ASSERT_TRUE(eventually([&] { return RawStream(name.str() + "_request").info().payload_free_bytes == small_payload; }))
        << "the whole ring is free again";
  }
}

TEST(V1Processes, ARequestLeftByAKilledClientIsAnsweredToNobody) {
  const Name name;
  auto server = create_v1(name);
  {
    Process client({"hold", name, "3", "0"});
    ASSERT_EQ("ready", client.line());
    client.kill(SIGKILL);
    client.wait();
  }
  std::atomic<int> handled{0};
  std::jthread next([&] {
    auto options = with_small_responses();
    options.connect_timeout = 60s;
    EXPECT_EQ("mine", test::text(connect_v1(name, options)->call(bytes("mine"), 60'000).data()));
  });
  server->start([&](Frame&) { ++handled; });
  next.join();
  EXPECT_EQ(1, handled);
}

TEST(V1Processes, AServerIsKilledOverAndOver) {
  const Name name;
  test::kill_calling_servers(name, {"serve-v1", name, "8192"});
  name.clean();
}

TEST(V1Processes, AForkedChildMayNotUseTheStreamsOfItsParent) {
  const Name name;
  auto reader = std::make_unique<Reader>(name, small);
  auto writer = std::make_unique<Writer>(name);
  writer->writeFrame(bytes("a"));
  auto frame = reader->readFrame();
  auto buffer = writer->acquireFrameBuffer(1);
  EXPECT_EQ(0, test::failures_in_child([&] { reader->readFrame(0).release(); }, [&] { static_cast<void>(reader->metadata()); },
                                       [&] { static_cast<void>(reader->isWriterConnected()); },
                                       [&] { writer->writeFrame(bytes("x"), 0); },
                                       [&] { static_cast<void>(writer->isReaderConnected()); }, [&] { writer->setMetadata({}); },
                                       [&] {
                                         auto moved = std::move(buffer);
                                         moved.commit();
                                       },
                                       [&] {
                                         frame.release();
                                         writer.reset();
                                         reader.reset();
                                         test::closed_anyway();
                                       }));
  EXPECT_EQ("a", test::text(frame.data()));
  buffer.data()[0] = std::byte{'b'};
  EXPECT_EQ(2U, buffer.commit());
  EXPECT_EQ("b", test::text(reader->readFrame().data()));
  EXPECT_TRUE(reader->isWriterConnected());
  EXPECT_THROW(Reader(name, small), ReaderAlreadyConnectedError) << "the parent's locks are still held";
}

TEST(V1Processes, AForkedChildMayNotUseTheDuplexChannelsOfItsParent) {
  const Name name;
  std::unique_ptr<IDuplexServer> server = serve_v1(name, complement);
  auto client = connect_v1(name);
  auto response = client->call(bytes("x"));
  auto buffer = client->acquireRequestBuffer(1);
  EXPECT_EQ(
      0, test::failures_in_child([&] { client->sendRequest(bytes("y")); }, [&] { static_cast<void>(client->receiveResponse(0)); },
                                 [&] { static_cast<void>(client->isServerConnected()); }, [&] { client->cancel(1); },
                                 [&] { buffer.commit(); }, [&] { server->start(complement); },
                                 [&] { static_cast<void>(server->clientMetadata()); }, [&] { server->setMetadata({}); },
                                 [&] {
                                   response.release();
                                   buffer.abort();
                                   if (server->isClientConnected()) return;
                                   server->stop(0);
                                   client.reset();
                                   server.reset();
                                   test::closed_anyway();
                                 }));
  EXPECT_TRUE(is_complement(response.data(), bytes("x")));
  buffer.data()[0] = std::byte{'b'};
  EXPECT_EQ(2U, buffer.commit());
  EXPECT_TRUE(is_complement(client->receiveResponse(2, 60s).data(), bytes("b")));
}

TEST(V1Processes, AForkedChildDoesNotKeepTheLocksOfADeadParent) {
  const Name name;
  int ends[2];
  ASSERT_EQ(0, ::pipe(ends));
  const pid_t parent = ::fork();
  if (parent == 0) {
    const Reader reader(name, small);
    const pid_t child = ::fork();
    if (child == 0) {
      // Only now it has let go of what it inherited.
      const pid_t self = ::getpid();
      static_cast<void>(!::write(ends[1], &self, sizeof self));
    }
    for (;;) ::pause();
  }
  pid_t child = 0;
  ASSERT_EQ(static_cast<ssize_t>(sizeof child), ::read(ends[0], &child, sizeof child));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_NO_THROW({
    Reader reader(name, small);
    Writer(name, at_once).writeFrame(bytes("x"));
    EXPECT_EQ(1U, reader.readFrame().sequence());
  });
  ::kill(child, SIGKILL);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace zeroduplex
