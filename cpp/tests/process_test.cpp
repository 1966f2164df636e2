// Several processes, and what happens when one of them is killed.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <limits>
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
using test::Process;
using test::serve;

ClientOptions connect_within(std::chrono::milliseconds timeout) {
  ClientOptions options;
  options.connect_timeout = timeout;
  return options;
}

TEST(Processes, ManyCallsToAnotherProcess) {
  const Name name;
  Process server({"serve", name, "16384", "2"});
  ASSERT_EQ("ready", server.line());
  {
    const auto client = connect(name);
    for (std::uint64_t i = 0; i < 20000; ++i) {
      const auto request = pattern(i, i % 3000);
      ASSERT_TRUE(is_complement(client->call(request).data(), request));
    }
  }
  Process client({"call", name, "5000", "7"});
  EXPECT_EQ("calling", client.line());
  EXPECT_EQ("done", client.line());
  EXPECT_EQ(0, client.wait());
  server.kill(SIGTERM);
  EXPECT_EQ(0, server.wait());
}

TEST(Processes, FailuresCrossTheProcesses) {
  const Name name;
  Process server({"serve", name, "16384", "1"});
  ASSERT_EQ("ready", server.line());
  const auto client = connect(name);
  try {
    static_cast<void>(client->call({.data = bytes("x"), .opcode = 2}));
    FAIL();
  } catch (const HandlerFailedError& e) {
    EXPECT_EQ(7, e.status());
    EXPECT_EQ("asked to", e.message());
  }
  server.kill(SIGTERM);
  EXPECT_EQ(0, server.wait());
}

TEST(Processes, TheServerIsKilledWhileAClientWaits) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    Process server({"serve", name, "16384", "1"});
    ASSERT_EQ("ready", server.line());
    ClientOptions options;
    options.wait = wait;
    const auto client = connect(name, options);
    EXPECT_TRUE(client->isServerConnected());
    client->send({.data = bytes("x"), .opcode = 1});
    std::jthread killer([&] {
      std::this_thread::sleep_for(50ms);
      server.kill(SIGKILL);
    });
    const auto begin = std::chrono::steady_clock::now();
    try {
      static_cast<void>(client->receiveResponse(60s));
      FAIL();
    } catch (const ServerDeadError& e) {
      EXPECT_NE(std::string::npos, e.detail().find("lost requests: 1")) << e.detail();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "noticed within a slice, not at the deadline";
    EXPECT_FALSE(client->isServerConnected());
    name.clean();  // it was killed
  }
}

TEST(Processes, TheServerIsKilledWhileAClientWaitsForRoom) {
  const Name name;
  Process server({"serve", name, "256", "1"});
  ASSERT_EQ("ready", server.line());
  const auto client = connect(name);
  client->send({.data = bytes("x"), .opcode = 1});
  client->send({.data = bytes("y")});
  server.kill(SIGKILL);
  EXPECT_THROW(client->send({.data = bytes("z")}, 60s), ServerDeadError);
  name.clean();
}

/// Locks and unlocks the server's byte of an object over and over, as one server after the other does that takes the name.
void flicker(const std::stop_token& stop, const std::string& path) {
  const int object = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct flock byte {};
  byte.l_whence = SEEK_SET;
  byte.l_start = static_cast<off_t>(wire::lock_byte_server);
  byte.l_len = 1;
  for (bool lock = true; !stop.stop_requested(); lock = !lock) {
    byte.l_type = lock ? F_WRLCK : F_UNLCK;
    ::fcntl(object, F_OFD_SETLK, &byte);
  }
  ::close(object);
}

TEST(Processes, ConnectingLastsThroughServersThatComeAndGo) {
  const Name name;
  {
    Process server({"serve", name, "16384", "1"});
    ASSERT_EQ("ready", server.line());
    const auto client = connect(name);
    server.kill(SIGKILL);
    server.wait();
  }
  {
    const std::jthread servers(flicker, name.path());
    for (int i = 0; i < 20; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      try {
        static_cast<void>(connect(name, connect_within(50ms)));
        FAIL();
      } catch (const ServerBusyError&) {  // what its dead client left stays where it is
      } catch (const ServerNotFoundError&) {
      }
      EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms) << "given up too early";
    }
  }
  name.clean();
}

TEST(Processes, AKilledServersNameIsTakenOver) {
  const Name name;
  {
    Process server({"serve", name, "16384", "1"});
    ASSERT_EQ("ready", server.line());
    EXPECT_THROW(serve(name, {}, complement), NameInUseError);
    server.kill(SIGKILL);
    server.wait();
  }
  EXPECT_THROW(connect(name, connect_within(0ms)), ServerNotFoundError);
  const auto server = serve(name, {}, complement);
  EXPECT_EQ(1U, connect(name)->call(bytes("x")).sequence());
}

TEST(Processes, AClientIsKilledAndTheNextOneServed) {
  const Name name;
  const auto server = serve(name, BufferConfig(0, 4096), complement);
  for (const char* what : {"hold", "one-way", "acquire"}) {
    Process client({what, name, "10"});
    ASSERT_EQ("ready", client.line());
    EXPECT_THROW(connect(name, connect_within(0ms)), WriterAlreadyConnectedError);
    client.kill(SIGKILL);
    client.wait();
    const auto next = connect(name);
    EXPECT_EQ(1U, next->call(bytes("x")).sequence());
    EXPECT_EQ(4096U - 64U, next->call(pattern(1, 4096 - 64)).size()) << "the whole ring is free again";
  }
}

TEST(Processes, AClientIsKilledOverAndOver) {
  const Name name;
  ServerOptions options;
  options.workers = 2;
  const auto server = serve(name, BufferConfig(0, 4096), complement, options);
  for (int i = 0; i < 20; ++i) {
    Process client({"call", name, "1000000000", std::to_string(i)});
    ASSERT_EQ("calling", client.line());
    std::this_thread::sleep_for(std::chrono::milliseconds(i));  // somewhere in the middle of its work
    client.kill(SIGKILL);
    client.wait();
  }
  const auto request = pattern(1, 1000);
  EXPECT_TRUE(is_complement(connect(name)->call(request).data(), request));
}

TEST(Processes, AServerIsKilledOverAndOver) {
  const Name name;
  test::kill_calling_servers(name, {"serve", name, "4096", "2"});
  name.clean();
}

TEST(Processes, ABusyServerOfADeadClient) {
  const Name name;
  std::atomic<bool> go{false};
  std::atomic<int> runs{0};
  ServerOptions options;
  options.reset_timeout = 1s;
  std::atomic<int> given_up{0};
  options.on_error = [&](const Error& e) {
    if (e.code() == ErrorCode::client_dead) ++given_up;
  };
  const auto server = serve(
      name, BufferConfig(64, 4096),
      [&](Frame& frame) {
        ++runs;
        while (frame.opcode() == 9 && !go) std::this_thread::sleep_for(1ms);
        complement(frame);
      },
      options);
  server->setMetadata(bytes("stays"));
  {
    Process client({"hold", name, "3", "9"});
    ASSERT_EQ("ready", client.line());
    ASSERT_TRUE(test::eventually([&] { return runs == 1; }));
    client.kill(SIGKILL);
    client.wait();
  }
  try {
    connect(name, connect_within(100ms));
    FAIL();
  } catch (const ServerBusyError& e) {
    EXPECT_EQ(ErrorCode::server_busy, e.code());
  }
  // The handler never ends: within reset_timeout the object is given up and a new one made.
  const auto next = connect(name, connect_within(30'000ms));
  EXPECT_EQ("stays", test::text(next->serverMetadata()));
  const auto request = pattern(1, 64);
  EXPECT_TRUE(is_complement(next->call(request).data(), request));
  EXPECT_EQ(1, given_up);
  go = true;  // the late answer goes to the old object
  EXPECT_TRUE(is_complement(next->call(request).data(), request));
}

TEST(Processes, AClientThatIsKilledWithTheRingFull) {
  const Name name;
  std::atomic<bool> go{false};
  std::atomic<int> runs{0};
  const auto server = serve(name, BufferConfig(0, 1024), [&](Frame&) {
    ++runs;
    while (!go) std::this_thread::sleep_for(1ms);
  });
  {
    Process client({"hold", name, "8", "0"});
    ASSERT_EQ("ready", client.line());
    ASSERT_TRUE(test::eventually([&] { return runs == 1; }));
    client.kill(SIGKILL);
    client.wait();
  }
  EXPECT_THROW(connect(name, connect_within(500ms)), ServerBusyError) << "and the server has noticed by now";
  go = true;
  EXPECT_EQ(1U, connect(name)->call(bytes("x")).sequence());
  EXPECT_EQ(2, runs) << "what a dead client left untaken is passed, not run";
}

TEST(Processes, AForkedChildMayNotUseTheChannelsOfItsParent) {
  const Name name;
  const auto server = serve(name, {}, complement);
  auto client = connect(name);
  auto response = client->call(bytes("x"));
  auto buffer = client->acquireRequestBuffer(8);
  EXPECT_EQ(
      0, test::failures_in_child([&] { client->sendRequest(bytes("y")); }, [&] { static_cast<void>(client->receiveResponse(0)); },
                                 [&] { static_cast<void>(client->isServerConnected()); }, [&] { buffer.commit(); },
                                 [&] { server->start(complement); }, [&] { static_cast<void>(server->clientMetadata()); },
                                 [&] {
                                   // Ending the objects must harm nothing.
                                   response.release();
                                   buffer.abort();
                                   client.reset();
                                   const_cast<std::unique_ptr<IInPlaceDuplexServer>&>(server).reset();
                                   test::closed_anyway();
                                 }));
  buffer.commit();
  EXPECT_EQ(2U, client->receiveResponse(5s).sequence());
  EXPECT_THROW(connect(name, connect_within(0ms)), WriterAlreadyConnectedError) << "the parent's lock is still held";
}

TEST(Processes, AForkedChildDoesNotKeepTheLocksOfADeadParent) {
  const Name name;
  const auto server = serve(name, {}, complement);
  // A process that attaches, forks a child that lives on, and is killed.
  int ends[2];
  ASSERT_EQ(0, ::pipe(ends));
  const pid_t parent = ::fork();
  if (parent == 0) {
    const auto client = connect(name);
    client->sendRequest(bytes("x"));
    const pid_t child = ::fork();
    if (child == 0) {
      for (;;) ::pause();
    }
    static_cast<void>(!::write(ends[1], &child, sizeof child));
    for (;;) ::pause();
  }
  pid_t child = 0;
  ASSERT_EQ(static_cast<ssize_t>(sizeof child), ::read(ends[0], &child, sizeof child));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_EQ(1U, connect(name)->call(bytes("y")).sequence());
  ::kill(child, SIGKILL);
  ::close(ends[0]);
  ::close(ends[1]);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST(Processes, IdleUsesUnderOnePercentOfACore) {
  const Name name;
  ServerOptions options;
  options.workers = 4;
  const auto server = serve(name, {}, complement, options);
  const auto client = connect(name);
  static_cast<void>(client->call(bytes("x")));
  // Polling shows in every window; what others' load adds is over in the next.
  double least = std::numeric_limits<double>::max();
  for (int window = 0; window < 3 && least >= 0.03; ++window) {
    const double before = cpu_seconds();
    EXPECT_THROW(static_cast<void>(client->receiveResponse(3s)), TimeoutError);
    least = std::min(least, cpu_seconds() - before);
  }
  EXPECT_LT(least, 0.03);
}

}  // namespace
}  // namespace zeroduplex
