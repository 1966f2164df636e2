// Every error that a user can meet: its own type, its code, and that the channel goes on where it can.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <latch>
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
using test::Name;
using test::serve;

template <typename Exception, typename Body>
Exception thrown(Body body) {
  try {
    body();
  } catch (const Exception& e) {
    return e;
  }
  throw std::logic_error("it did not throw");
}

std::unique_ptr<IInPlaceDuplexServer> create(const std::string& name, const BufferConfig& config = {},
                                             const ServerOptions& options = {}) {
  return DuplexChannelFactory::getInstance().createInPlaceDuplexServer(name, config, options);
}

ClientOptions connect_within(std::chrono::milliseconds timeout) {
  ClientOptions options;
  options.connect_timeout = timeout;
  return options;
}

/// Puts a file of these bytes where a channel's object would be.
void put_object(const Name& name, std::span<const std::byte> content) {
  const int fd = ::open(name.path().c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(static_cast<ssize_t>(content.size()), ::write(fd, content.data(), content.size()));
  ::close(fd);
}

std::vector<std::byte> object_of(std::uint32_t size, std::uint8_t major, std::uint8_t minor, std::size_t length = 4096) {
  std::vector<std::byte> content(length);
  std::memcpy(content.data(), &size, sizeof size);
  content[4] = std::byte{major};
  content[5] = std::byte{minor};
  return content;
}

TEST(Errors, HandlerFailure) {
  const Name name;
  const auto server = serve(name, {}, [](Frame& frame) {
    switch (frame.opcode()) {
      case 1:
        throw std::runtime_error("no such picture");
      case 2:
        return frame.fail(7, "seven");
      case 3:
        throw 5;
      case 4:
        return frame.fail(0, "not above 0");
      default:
        complement(frame);
    }
  });
  const auto client = connect(name);
  const auto fail = [&](std::uint32_t opcode) {
    return thrown<HandlerFailedError>(
        [&] { static_cast<void>(client->call({.data = bytes("x"), .opcode = opcode, .capacity = 256})); });
  };
  const auto one = fail(1);
  EXPECT_EQ(ErrorCode::handler_failed, one.code());
  EXPECT_EQ(1U, one.sequence());
  EXPECT_EQ(-1, one.status());
  EXPECT_EQ("no such picture", one.message());
  const auto two = fail(2);
  EXPECT_EQ(7, two.status());
  EXPECT_EQ("seven", two.message());
  EXPECT_EQ(-1, fail(3).status());
  EXPECT_NE(std::string::npos, fail(4).message().find("not above 0"));
  EXPECT_EQ(5U, client->call(bytes("x")).sequence()) << "the server goes on";
}

TEST(Errors, TheFailuresMessageIsCutAtACharacter) {
  const Name name;
  const auto server = serve(name, {}, [](Frame& frame) {
    std::string message(62, 'a');
    frame.fail(1, message + "\xE2\x82\xAC\xE2\x82\xAC");  // 62 + 3 + 3 bytes into 64
  });
  const auto client = connect(name);
  EXPECT_EQ(std::string(62, 'a'), thrown<HandlerFailedError>([&] { static_cast<void>(client->call(bytes("x"))); }).message());
  EXPECT_EQ("", thrown<HandlerFailedError>([&] { static_cast<void>(client->call(std::span<const std::byte>())); }).message());
}

TEST(Errors, ResponseTooLarge) {
  const Name name;
  const auto server = serve(name, {}, [](Frame& frame) { frame.resize(frame.capacity() + 1); });
  const auto client = connect(name);
  const auto error =
      thrown<ResponseTooLargeError>([&] { static_cast<void>(client->call({.data = bytes("x"), .capacity = 1000})); });
  EXPECT_EQ(ErrorCode::response_too_large, error.code());
  EXPECT_EQ(-2, error.status());
  EXPECT_NE(std::string::npos, error.message().find("1025"));
}

TEST(Errors, AHandlerMayCatchWhatResizeThrows) {
  const Name name;
  const auto server = serve(name, {}, [](Frame& frame) {
    try {
      frame.resize(1000);
    } catch (const ResponseTooLargeError&) {
      frame.resize(1);
    }
  });
  EXPECT_EQ(1U, connect(name)->call(bytes("abc")).size());
}

TEST(Errors, TimeoutWithALateResponse) {
  const Name name;
  std::latch taken(1);
  std::latch go(1);
  const auto server = serve(name, BufferConfig(0, 256), [&](Frame& frame) {
    if (frame.opcode() == 1) {
      taken.count_down();
      go.wait();
    }
    complement(frame);
  });
  const auto client = connect(name);
  EXPECT_EQ(ErrorCode::timeout,
            thrown<TimeoutError>([&] { static_cast<void>(client->call({.data = bytes("abandoned"), .opcode = 1}, 50ms)); }).code());
  taken.wait();
  EXPECT_THROW(static_cast<void>(client->call({.data = bytes("taken back")}, 20)), TimeoutError) << "still a request: cancelled";
  go.count_down();
  // Both are over without anybody having received them: their room is used again, and nobody gets their answers.
  for (int i = 0; i < 10; ++i) {
    const auto response = client->call(bytes("x"));
    EXPECT_EQ(3U + static_cast<unsigned>(i), response.sequence());
  }
  EXPECT_THROW(static_cast<void>(client->receiveResponse(20)), TimeoutError);
}

TEST(Errors, AResponseMayBeReceivedAfterATimeout) {
  const Name name;
  std::latch go(1);
  const auto server = serve(name, {}, [&](Frame&) { go.wait(); });
  const auto client = connect(name);
  const auto sequence = client->sendRequest(bytes("x"));
  EXPECT_THROW(static_cast<void>(client->receiveResponse(sequence, 10)), TimeoutError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(0ms)), TimeoutError);
  go.count_down();
  EXPECT_EQ(sequence, client->receiveResponse(sequence, 5s).sequence());
}

TEST(Errors, FullRing) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    const auto server = serve(name, BufferConfig(0, 256), complement);
    ClientOptions options;
    options.wait = wait;
    const auto client = connect(name, options);
    const auto a = client->call(bytes("a"));
    const auto b = client->call(bytes("b"));
    const auto error = thrown<BufferFullError>([&] { client->send({.data = bytes("c")}, 20ms); });
    EXPECT_EQ(ErrorCode::buffer_full, error.code());
    EXPECT_THROW(client->send({.data = bytes("c")}, 0ms), BufferFullError);
  }
}

TEST(Errors, ARoomThatAppearsWakesTheSender) {
  for (const auto wait : {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block}) {
    const Name name;
    const auto server = serve(name, BufferConfig(0, 256), complement);
    ClientOptions options;
    options.wait = wait;
    const auto client = connect(name, options);
    auto a = client->call(bytes("a"));
    auto b = client->call(bytes("b"));
    std::jthread sender([&] { EXPECT_EQ(3U, client->send({.data = bytes("c")}, 30s)); });
    std::this_thread::sleep_for(10ms);
    a.release();
    sender.join();
  }
}

TEST(Errors, AnAcquisitionLeftOpen) {
  const Name name;
  const auto server = serve(name, {}, complement);
  const auto client = connect(name);
  auto buffer = client->acquireRequestBuffer(10);
  const auto error = thrown<AcquisitionOpenError>([&] { client->send({.data = bytes("c")}, 20ms); });
  EXPECT_EQ(ErrorCode::acquisition_open, error.code());
  EXPECT_THROW(client->send({.data = bytes("c")}, 0ms), BufferFullError) << "it is a kind of full buffer";
  buffer.abort();
  EXPECT_EQ(1U, client->send({.data = bytes("c")}, 0ms));
}

TEST(Errors, FrameLargerThanThePayload) {
  const Name name;
  const auto server = serve(name, BufferConfig(0, 1024), complement);
  const auto client = connect(name);
  EXPECT_EQ(ErrorCode::frame_too_large, thrown<FrameTooLargeError>([&] { client->sendRequest(test::pattern(1, 961)); }).code());
  EXPECT_THROW(static_cast<void>(client->acquireRequestBuffer(1, 961)), FrameTooLargeError);
  EXPECT_THROW(static_cast<void>(client->acquireRequestBuffer(std::size_t{1} << 40)), FrameTooLargeError);
  EXPECT_EQ(960U, client->call(test::pattern(1, 960)).size());
}

TEST(Errors, SecondClient) {
  const Name name;
  const auto server = serve(name, {}, complement);
  const auto client = connect(name);
  EXPECT_EQ(ErrorCode::writer_already_connected,
            thrown<WriterAlreadyConnectedError>([&] { connect(name, connect_within(0ms)); }).code());
  EXPECT_THROW(connect(name, connect_within(50ms)), WriterAlreadyConnectedError);
  EXPECT_EQ(1U, client->call(bytes("x")).sequence()) << "the first one is not disturbed";
}

TEST(Errors, ASecondClientWaitsForItsTurn) {
  const Name name;
  const auto server = serve(name, {}, complement);
  auto client = connect(name);
  std::jthread second([&] { EXPECT_EQ(1U, connect(name, connect_within(30'000ms))->call(bytes("x")).sequence()); });
  std::this_thread::sleep_for(20ms);
  client->close();
}

TEST(Errors, NoServer) {
  const Name name;
  EXPECT_EQ(ErrorCode::server_not_found, thrown<ServerNotFoundError>([&] { connect(name, connect_within(0ms)); }).code());
  EXPECT_THROW(connect(name, connect_within(30ms)), ServerNotFoundError);
}

TEST(Errors, AClientWaitsForTheServerToCome) {
  const Name name;
  std::jthread client([&] { EXPECT_EQ(1U, connect(name, connect_within(30'000ms))->call(bytes("x")).sequence()); });
  std::this_thread::sleep_for(20ms);
  const auto server = serve(name, {}, complement);
  client.join();
}

TEST(Errors, WrongVersion) {
  for (const auto& content : {object_of(128, 1, 0), object_of(88, 2, 1), object_of(88, 3, 0), object_of(77, 1, 1)}) {
    const Name name;
    put_object(name, content);
    const auto error = thrown<VersionMismatchError>([&] { connect(name, connect_within(0ms)); });
    EXPECT_EQ(ErrorCode::version_mismatch, error.code());
    EXPECT_NE(std::string::npos, error.detail().find("2.0.0")) << error.detail();
    name.clean();
  }
}

TEST(Errors, ATruncatedSegment) {
  const Name name;
  put_object(name, object_of(88, 2, 0, 100));
  EXPECT_THROW(connect(name, connect_within(0ms)), ServerNotFoundError) << "nobody holds its lock";
  name.clean();
  const auto server = serve(name, {}, complement);
  ASSERT_EQ(0, ::truncate(name.path().c_str(), 150));
  EXPECT_THROW(connect(name, connect_within(0ms)), CorruptedError);
}

TEST(Errors, SizesThatDoNotAddUp) {
  for (const off_t offset : {0x08, 0x20, 0x58 + 0x08, 0x58 + 0x20, 0x58 + 0x04}) {
    const Name name;
    const auto server = serve(name, {}, complement);
    const int fd = ::open(name.path().c_str(), O_RDWR);
    const std::uint64_t wrong = 12345;
    EXPECT_EQ(8, ::pwrite(fd, &wrong, sizeof wrong, offset));
    ::close(fd);
    EXPECT_THROW(connect(name, connect_within(0ms)), CorruptedError) << offset;
  }
}

TEST(Errors, BadNames) {
  for (const char* name : {"", ".hidden", "sem.x", "a/b", "a b", "\xC3\xA4", "a\n"}) {
    EXPECT_EQ(ErrorCode::invalid_name, thrown<InvalidNameError>([&] { create(name); }).code()) << name;
    EXPECT_THROW(connect(name), InvalidNameError) << name;
    EXPECT_THROW(SharedMemory{name}, InvalidArgumentError) << name;
  }
  EXPECT_THROW(create(std::string(201, 'a')), InvalidNameError);
}

TEST(Errors, InvalidArguments) {
  const Name name;
  EXPECT_THROW(create(name, BufferConfig(0, 0)), InvalidArgumentError);
  EXPECT_THROW(create(name, BufferConfig(std::uint64_t{1} << 40, 1024)), InvalidArgumentError);
  EXPECT_THROW(create(name, BufferConfig(0, ~std::uint64_t{0})), InvalidArgumentError);
  ServerOptions none;
  none.workers = 0;
  EXPECT_THROW(create(name, {}, none), InvalidArgumentError);
  EXPECT_THROW(connect(name, connect_within(-1ms)), InvalidArgumentError);
  EXPECT_THROW(static_cast<void>(parseWaitStrategy("sleep")), InvalidArgumentError);

  const auto server = create(name);
  EXPECT_THROW(server->start(nullptr), InvalidArgumentError);
  server->start(complement);
  EXPECT_THROW(server->start(complement), InvalidArgumentError);
  EXPECT_THROW(server->stop(-1), InvalidArgumentError);
  const auto client = connect(name);
  EXPECT_THROW(static_cast<void>(client->acquireRequestBuffer(10, 9)), InvalidArgumentError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(-1)), InvalidArgumentError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(1, -1)), InvalidArgumentError);
  EXPECT_THROW(static_cast<void>(client->call({.data = bytes("x"), .one_way = true})), InvalidArgumentError);
  EXPECT_THROW(static_cast<void>(client->call(bytes("x"), -1)), InvalidArgumentError);
  EXPECT_THROW(client->send({.data = bytes("x")}, -1ms), InvalidArgumentError);
}

/// A call while nothing is in flight takes a short way, which must not pass what the long one refuses.
TEST(Errors, ACallRefusesWhatItDidTheFirstTime) {
  const Name name;
  const auto server = serve(name, BufferConfig(0, 1024), complement);
  const auto client = connect(name);
  const auto call = [&](const Request& request) { static_cast<void>(client->call(request)); };
  const auto large = test::pattern(1, 961);
  for (std::uint64_t calls = 1; calls <= 3; ++calls) {
    EXPECT_EQ(calls, client->call(bytes("x")).sequence()) << "what was refused took no number";
    EXPECT_THROW(call({.data = large}), FrameTooLargeError);
    EXPECT_THROW(call({.data = bytes("x"), .capacity = 961}), FrameTooLargeError);
    EXPECT_THROW(call({.data = bytes("x"), .capacity = std::size_t{1} << 40}), FrameTooLargeError);
    EXPECT_THROW(call({.data = bytes("abc"), .capacity = 2}), InvalidArgumentError);
    EXPECT_THROW(call({.data = bytes("x"), .one_way = true}), InvalidArgumentError);
    EXPECT_THROW(static_cast<void>(client->call(bytes("x"), -1)), InvalidArgumentError);
  }
  client->close();
  EXPECT_THROW(call({.data = bytes("x")}), ClosedError);
}

TEST(Errors, ACallRefusesANegativeSendTimeout) {
  const Name name;
  const auto server = serve(name, {}, complement);
  ClientOptions options;
  options.send_timeout = -1ns;
  const auto client = connect(name, options);
  for (int i = 0; i < 2; ++i) {
    client->receiveResponse(client->send({.data = bytes("x")}, 5s), 5s).release();
    EXPECT_THROW(static_cast<void>(client->call(bytes("x"))), InvalidArgumentError);
  }
}

TEST(Errors, UnknownSequence) {
  const Name name;
  const auto server = serve(name, {}, complement);
  const auto client = connect(name);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(0, 0)), UnknownSequenceError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(1, 0)), UnknownSequenceError);
  const auto sequence = client->sendRequest(bytes("x"));
  const auto response = client->receiveResponse(sequence, 5s);
  EXPECT_EQ(ErrorCode::unknown_sequence,
            thrown<UnknownSequenceError>([&] { static_cast<void>(client->receiveResponse(sequence, 0)); }).code());
  const auto one_way = client->send({.data = bytes("x"), .one_way = true});
  EXPECT_THROW(static_cast<void>(client->receiveResponse(one_way, 0)), UnknownSequenceError);
}

TEST(Errors, NameInUse) {
  const Name name;
  const auto server = serve(name, {}, complement);
  EXPECT_EQ(ErrorCode::name_in_use, thrown<NameInUseError>([&] { create(name); }).code());
  // As from a process with another /tmp: no owner lock is in the way, and the lock byte decides.
  ASSERT_EQ(0, ::unlink(("/tmp/zerobuffer/" + name.str() + ".lock").c_str()));
  const char* temporary = std::getenv("TMPDIR");
  ASSERT_EQ(
      0,
      ::unlink(((temporary == nullptr ? "/tmp" : temporary) + std::string("/zerobuffer/locks/") + name.str() + ".lock").c_str()));
  EXPECT_THROW(create(name), NameInUseError);
  EXPECT_EQ(1U, connect(name)->call(bytes("x")).sequence()) << "the first one is not harmed";
}

TEST(Errors, ForeignFilesAreNeverRemoved) {
  const auto refuses = [](const Name& name) {
    EXPECT_THROW(create(name), NameInUseError);
    EXPECT_EQ(0, ::access(name.path().c_str(), F_OK));
    name.clean();
  };
  {
    const Name name;
    put_object(name, bytes("somebody's notes, more than eight bytes"));
    refuses(name);
  }
  {
    const Name name;
    put_object(name, bytes("tiny"));
    refuses(name);
  }
  {
    const Name name;
    ASSERT_EQ(0, ::mkfifo(name.path().c_str(), 0600));
    refuses(name);
  }
  {
    const Name name;
    ASSERT_EQ(0, ::mkdir(name.path().c_str(), 0700));
    EXPECT_THROW(create(name), NameInUseError);
    ::rmdir(name.path().c_str());
  }
  {
    const Name name;
    ASSERT_EQ(0, ::symlink("/etc/passwd", name.path().c_str()));
    refuses(name);
  }
  {
    // A v1 buffer of a living process: this one.
    const Name name;
    auto content = object_of(128, 1, 0);
    const std::uint64_t pid = static_cast<std::uint64_t>(::getpid());
    std::memcpy(content.data() + wire::oieb_v1_reader_pid_offset, &pid, sizeof pid);
    put_object(name, content);
    refuses(name);
  }
}

TEST(Errors, WhatDeadServersLeftIsReplaced) {
  for (const auto& content : {object_of(128, 1, 0), object_of(88, 2, 0), object_of(0, 0, 0), std::vector<std::byte>{}}) {
    const Name name;
    put_object(name, content);
    const auto server = serve(name, {}, complement);
    EXPECT_EQ(1U, connect(name)->call(bytes("x")).sequence());
  }
}

TEST(Errors, AnotherUsersObject) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const Name name;
  const auto server = serve(name, {}, complement);
  ASSERT_EQ(0, ::chown(name.path().c_str(), 12345, 12345));
  EXPECT_EQ(ErrorCode::permission_denied, thrown<PermissionDeniedError>([&] { connect(name, connect_within(0ms)); }).code());
  auto options = connect_within(1000ms);
  options.allow_other_users = true;
  EXPECT_EQ(1U, connect(name, options)->call(bytes("x")).sequence());
}

TEST(Errors, TheModeIsWhatWasAskedForWhateverTheUmask) {
  const Name name;
  const mode_t before = ::umask(0777);
  ServerOptions options;
  options.mode = 0640;
  const auto server = create(name, {}, options);
  ::umask(before);
  for (const auto& file : name.leftovers()) {
    struct stat status {};
    ASSERT_EQ(0, ::stat(file.c_str(), &status));
    EXPECT_EQ(0640U, status.st_mode & 07777U) << file;
  }
  EXPECT_EQ(5U, name.leftovers().size());
}

TEST(Errors, NoMemory) {
  const Name name;
  EXPECT_EQ(ErrorCode::out_of_memory,
            thrown<OutOfMemoryError>([&] { create(name, BufferConfig(0, std::uint64_t{1} << 50)); }).code());
}

TEST(Errors, ServerGoneNamesTheLostRequests) {
  const Name name;
  std::latch go(1);
  std::latch taken(1);
  auto server = serve(name, {}, [&](Frame&) {
    taken.count_down();
    go.wait();
  });
  const auto client = connect(name);
  const auto done = client->sendRequest(bytes("a"));
  taken.wait();
  client->sendRequest(bytes("b"));
  client->sendRequest(bytes("c"));
  server->requestStop();
  go.count_down();
  std::jthread stopping([&] { server->stop(5000); });
  EXPECT_EQ(done, client->receiveResponse(done, 5s).sequence()) << "what is answered is delivered";
  const auto error = thrown<ServerDeadError>([&] { static_cast<void>(client->receiveResponse(5s)); });
  EXPECT_EQ(ErrorCode::server_dead, error.code());
  EXPECT_NE(std::string::npos, error.detail().find("lost requests: 2, 3")) << error.detail();
  EXPECT_THROW(client->sendRequest(bytes("d")), ServerDeadError);
  EXPECT_FALSE(client->isServerConnected());
}

TEST(Errors, StopTimesOutOnAHandlerThatHangs) {
  const Name name;
  std::latch go(1);
  std::latch taken(1);
  const auto server = serve(name, {}, [&](Frame&) {
    taken.count_down();
    go.wait();
  });
  const auto client = connect(name);
  client->sendRequest(bytes("x"));
  taken.wait();
  EXPECT_THROW(server->stop(50), TimeoutError);
  EXPECT_TRUE(name.leftovers().empty()) << "the channel is removed all the same";
  go.count_down();
}

TEST(Errors, StopTimesOutOnResponsesThatNobodyConsumes) {
  const Name name;
  std::latch handled(1);
  const auto server = serve(name, {}, [&](Frame&) { handled.count_down(); });
  const auto client = connect(name);
  const std::uint64_t sequence = client->sendRequest(bytes("x"));
  handled.wait();
  EXPECT_THROW(server->stop(50), TimeoutError);
  EXPECT_TRUE(name.leftovers().empty()) << "the channel is removed all the same";
  EXPECT_EQ(1u, client->receiveResponse(sequence, 5000).size()) << "an answer that is there is delivered";
}

TEST(Errors, CorruptionFoundByTheServer) {
  const Name name;
  ServerOptions options;
  std::atomic<int> reported{0};
  options.on_error = [&](const Error& e) {
    if (e.code() == ErrorCode::corrupted) ++reported;
  };
  const auto server = serve(name, BufferConfig(0, 1024), complement, options);
  const auto client = connect(name);
  static_cast<void>(client->call(bytes("x")));
  const int fd = ::open(name.path().c_str(), O_RDWR);
  const std::uint64_t wrong[2] = {7, 2};  // request written_bytes and written_count
  EXPECT_EQ(16, ::pwrite(fd, wrong, sizeof wrong, 0x30));
  ::close(fd);
  // Wakes the server, whose look then fails.
  EXPECT_THROW(static_cast<void>(client->receiveResponse(30s)), CorruptedError);
  EXPECT_EQ(1, reported);
  EXPECT_THROW(client->sendRequest(bytes("x")), CorruptedError);
  EXPECT_FALSE(client->isServerConnected());
  EXPECT_EQ(1U, connect(name)->call(bytes("x")).sequence()) << "the client has detached, and the server has reset";
}

TEST(Errors, CorruptionFoundByTheClient) {
  const Name name;
  std::latch go(1);
  const auto server = serve(name, BufferConfig(0, 1024), [&](Frame&) { go.wait(); });
  const auto client = connect(name);
  const auto sequence = client->sendRequest(bytes("x"));
  const int fd = ::open(name.path().c_str(), O_RDWR);
  const std::int32_t wrong = 7;  // the state of the frame at the start of the payload
  EXPECT_EQ(4, ::pwrite(fd, &wrong, sizeof wrong, 0xC0 + 0x18));
  ::close(fd);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(sequence, 5s)), CorruptedError);
  EXPECT_THROW(static_cast<void>(client->receiveResponse(5s)), CorruptedError);
  go.count_down();
  EXPECT_EQ(1U, connect(name)->call(bytes("x")).sequence());
}

TEST(Errors, TheTextSaysWhatAndWhatToDo) {
  const FrameTooLargeError error("a frame of 10 bytes");
  EXPECT_EQ(std::string("frame_too_large: a frame of 10 bytes (Create the channel with a larger payload.)"), error.what());
}

}  // namespace
}  // namespace zeroduplex
