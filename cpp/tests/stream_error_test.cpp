// Every way in which creating, attaching to and using a v1 buffer fails.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include <gtest/gtest.h>
#include <zeroduplex/zeroduplex.hpp>

#include "platform/process.hpp"
#include "raw_stream.hpp"
#include "support.hpp"

namespace zeroduplex {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::complement;
using test::HeapMemory;
using test::Name;
using test::pattern;
using test::RawStream;
using test::StreamImage;

const BufferConfig small(64, 1024);

WriterOptions connect_within(std::chrono::milliseconds timeout) {
  WriterOptions options;
  options.connect_timeout = timeout;
  return options;
}

const WriterOptions at_once = connect_within(0ms);

void remove_owner_locks(const std::string& name) {
  const char* temporary = std::getenv("TMPDIR");
  EXPECT_EQ(0, ::unlink(wire::lock_path(name).c_str()));
  EXPECT_EQ(0, ::unlink(wire::lock_csharp_path(temporary == nullptr ? "/tmp" : temporary, name).c_str()));
}

// Who owns a name.

TEST(StreamErrors, ASecondReader) {
  const Name name;
  Reader reader(name, small);
  EXPECT_THROW(Reader(name, small), ReaderAlreadyConnectedError);
  // As from a process with another /tmp: no owner lock is in the way, and the pid decides.
  remove_owner_locks(name);
  EXPECT_THROW(Reader(name, small), ReaderAlreadyConnectedError);
  Writer(name).writeFrame(bytes("x"));
  EXPECT_EQ(1U, reader.readFrame().sequence()) << "the first one is not disturbed";
}

TEST(StreamErrors, TheNameOfALivingServer) {
  const Name name;
  const auto server = test::serve(name, BufferConfig(0, 1024), complement);
  EXPECT_THROW(Reader(name, small), NameInUseError);
  remove_owner_locks(name);
  EXPECT_THROW(Reader(name, small), NameInUseError);
  EXPECT_THROW(Writer(name, at_once), VersionMismatchError);
  EXPECT_EQ(1U, test::connect(name)->call(bytes("x")).sequence());
}

TEST(StreamErrors, AServerDoesNotTakeTheNameOfAReader) {
  const Name name;
  const Reader reader(name, small);
  EXPECT_THROW(test::serve(name, {}, complement), NameInUseError);
  remove_owner_locks(name);
  EXPECT_THROW(test::serve(name, {}, complement), NameInUseError);
}

TEST(StreamErrors, WhatTheDeadLeftIsReplaced) {
  const auto takes_over = [](const Name& name) {
    Reader reader(name, small);
    Writer(name, at_once).writeFrame(bytes("x"));
    EXPECT_EQ(1U, reader.readFrame(0).sequence());
  };
  {
    const Name name;
    StreamImage{.reader_pid = test::dead_pid()}.put(name);
    takes_over(name);
  }
  {
    const Name name;  // its reader has closed, and something kept the object
    StreamImage{.reader_pid = 0}.put(name);
    takes_over(name);
  }
  {
    const Name name;
    const test::Zombie zombie;
    StreamImage{.reader_pid = zombie.pid()}.put(name);
    takes_over(name);
  }
  {
    const Name name;  // a living writer does not own the buffer
    StreamImage{.reader_pid = test::dead_pid(), .writer_pid = static_cast<std::uint64_t>(::getpid())}.put(name);
    takes_over(name);
  }
  {
    const Name name;  // an in-place server that died
    StreamImage{.identity = wire::oieb_v2_identity_word}.put(name);
    takes_over(name);
  }
  {
    const Name name;  // one that died before it had written anything
    StreamImage{.identity = 0, .reader_pid = 0, .length = 0}.put(name);
    takes_over(name);
  }
  {
    const Name name;  // semaphores with tokens of a former life
    test::put_semaphores(name);
    auto old = platform::NamedSemaphore::open(wire::data_written_semaphore(name.str()), false);
    ASSERT_TRUE(old.post());
    Reader reader(name, small);
    EXPECT_EQ(0U, RawStream(name).written().value());
    EXPECT_THROW(reader.readFrame(0), TimeoutError);
  }
}

TEST(StreamErrors, ForeignFilesAreNeverRemoved) {
  const Name name;
  const int fd = ::open(name.path().c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  ASSERT_EQ(20, ::write(fd, "somebody's own notes", 20));
  ::close(fd);
  EXPECT_THROW(Reader(name, small), NameInUseError);
  EXPECT_EQ(0, ::access(name.path().c_str(), F_OK));
  name.clean();
}

TEST(StreamErrors, AnotherUsersLeftoversAreNotTaken) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const Name name;
  StreamImage{.reader_pid = test::dead_pid()}.put(name);
  ASSERT_EQ(0, ::chown(name.path().c_str(), 12345, 12345));
  EXPECT_THROW(Reader(name, small), PermissionDeniedError);
  name.clean();
}

TEST(StreamErrors, AReplacedReadersWriterLearnsIt) {
  const Name name;
  auto first = std::make_unique<Reader>(name, small);
  Writer writer(name);
  // As if it had died: its pid in the object is no process's any more.
  RawStream(name).info().reader_pid = test::dead_pid();
  remove_owner_locks(name);
  Reader second(name, small);
  ASSERT_TRUE(test::eventually([&] {
    try {
      writer.writeFrame(bytes("x"), 0);
      return false;
    } catch (const ReaderDeadError&) {
      return true;
    } catch (const BufferFullError&) {
      return false;
    }
  }));
  writer.close();
  first.reset();
  EXPECT_EQ(0, ::access(name.path().c_str(), F_OK)) << "a reader removes only what is its own";
  Writer(name).writeFrame(bytes("y"));
  EXPECT_EQ("y", test::text(second.readFrame().data()));
}

TEST(StreamErrors, ArgumentsThatCannotBe) {
  const Name name;
  for (const char* bad : {"", ".hidden", "sem.x", "a/b", "a b"}) {
    EXPECT_THROW(Reader(bad, small), InvalidNameError) << bad;
    EXPECT_THROW(Writer(bad, at_once), InvalidNameError) << bad;
  }
  EXPECT_THROW(Reader(std::string(201, 'a'), small), InvalidNameError);
  EXPECT_THROW(Reader(name, BufferConfig(std::uint64_t{1} << 40, 64)), InvalidArgumentError);
  EXPECT_THROW(Reader(name, BufferConfig(0, ~std::uint64_t{0})), InvalidArgumentError);
  ReaderOptions reader_options;
  reader_options.read_timeout = -1ms;
  EXPECT_THROW(Reader(name, small, reader_options), InvalidArgumentError);
  reader_options = {};
  reader_options.spin_window = -1ns;
  EXPECT_THROW(Reader(name, small, reader_options), InvalidArgumentError);
  EXPECT_THROW(Writer(name, connect_within(-1ms)), InvalidArgumentError);
  WriterOptions writer_options;
  writer_options.write_timeout = -1ms;
  EXPECT_THROW(Writer(name, writer_options), InvalidArgumentError);
  Reader reader(name, small);
  EXPECT_THROW(reader.readFrame(-1), InvalidArgumentError);
  Writer writer(name);
  EXPECT_THROW(writer.writeFrame(bytes("x"), -1), InvalidArgumentError);
  EXPECT_THROW(writer.acquireFrameBuffer(1, -1ms), InvalidArgumentError);
}

TEST(StreamErrors, NoMemoryLeavesNothing) {
  const Name name;
  EXPECT_THROW(Reader(name, BufferConfig(0, std::uint64_t{1} << 50)), OutOfMemoryError);
  EXPECT_TRUE(name.leftovers().empty());
  const Reader reader(name, small);
}

TEST(StreamErrors, SemaphoresThatCannotBeMadeLeaveNothing) {
  const Name name;
  const std::string semaphore = wire::semaphore_path(wire::data_read_semaphore(name.str()));
  ASSERT_EQ(0, ::mkdir(semaphore.c_str(), 0700));
  EXPECT_THROW(Reader(name, small), Error);
  ::rmdir(semaphore.c_str());
  EXPECT_TRUE(name.leftovers().empty());
  const Reader reader(name, small);
}

TEST(StreamErrors, TheModeIsWhatWasAskedForWhateverTheUmask) {
  const Name name;
  const mode_t before = ::umask(0777);
  ReaderOptions options;
  options.mode = 0640;
  const Reader reader(name, small, options);
  ::umask(before);
  for (const auto& file : name.leftovers()) {
    struct stat status {};
    ASSERT_EQ(0, ::stat(file.c_str(), &status));
    EXPECT_EQ(0640U, status.st_mode & 07777U) << file;
  }
  EXPECT_EQ(3U, name.leftovers().size());
}

// Attaching.

template <typename Exception>
void expect_attach(const StreamImage& image, bool semaphores, const char* what) {
  const Name name;
  image.put(name);
  if (semaphores) test::put_semaphores(name);
  try {
    const Writer writer(name, connect_within(20ms));
    ADD_FAILURE() << what;
  } catch (const Exception& e) {
    EXPECT_NE(std::string::npos, e.detail().find(what)) << e.detail();
  }
  name.clean();
}

TEST(StreamErrors, BuffersThatAreNotReady) {
  const Name name;
  EXPECT_THROW(Writer(name, at_once), BufferNotFoundError);
  EXPECT_THROW(Writer(name, connect_within(20ms)), BufferNotFoundError);
  expect_attach<BufferNotFoundError>({.length = 0}, true, "not ready");
  expect_attach<BufferNotFoundError>({.length = 7}, true, "not ready");
  expect_attach<BufferNotFoundError>({.length = 100}, true, "not ready");
  expect_attach<BufferNotFoundError>({.identity = 0}, true, "not ready");
  expect_attach<BufferNotFoundError>({.identity = wire::oieb_v1_size}, true, "not ready");
  expect_attach<BufferNotFoundError>({.reader_pid = 0}, true, "closed");
  expect_attach<BufferNotFoundError>({.payload_size = 0, .reader_pid = 0}, true, "not ready");
  expect_attach<BufferNotFoundError>({}, false, "no semaphores");
}

// Published readers for Python leave their semaphores behind, and the next one replaces them when its buffer looks complete
// already.
TEST(StreamErrors, AFormerReadersSemaphoresAreNotTaken) {
  const Name name;
  test::put_semaphores(name);
  const auto left = platform::NamedSemaphore::open(wire::data_written_semaphore(name.str()), false).born();
  do {  // the kernel's clock has ticks
    ::unlink(name.path().c_str());
    StreamImage{}.put(name);
  } while (left.known && !platform::is_before(left, platform::SharedObject::open(name).born()));
  if (left.known) {  // some kernels do not keep it
    try {
      const Writer writer(name, connect_within(20ms));
      ADD_FAILURE() << "it took a former reader's semaphores";
    } catch (const BufferNotFoundError& e) {
      EXPECT_NE(std::string::npos, e.detail().find("older than it")) << e.detail();
    }
  }
  EXPECT_EQ(0U, RawStream(name).info().writer_pid);
  test::put_semaphores(name);
  EXPECT_EQ(1U, Writer(name, at_once).writeFrame(bytes("x")));
  name.clean();
}

TEST(StreamErrors, BuffersThatAreNoneOfOurs) {
  expect_attach<VersionMismatchError>({.identity = wire::oieb_v2_identity_word}, true, "2.0.0");
  expect_attach<VersionMismatchError>({.identity = 0x200000080}, true, "2.0.0");
  expect_attach<VersionMismatchError>({.identity = 0x100000081}, true, "no segment");
  expect_attach<ReaderDeadError>({.reader_pid = test::dead_pid()}, true, "is gone");
  const test::Zombie zombie;
  expect_attach<ReaderDeadError>({.reader_pid = zombie.pid()}, true, "is gone");
  expect_attach<CorruptedError>({.metadata_size = 63}, true, "rounded");
  expect_attach<CorruptedError>({.metadata_size = 128}, true, "length");
  expect_attach<CorruptedError>({.payload_size = 960}, true, "length");
  expect_attach<CorruptedError>({.payload_size = ~std::uint64_t{0}}, true, "outside");
  expect_attach<WriterAlreadyConnectedError>({.writer_pid = 1}, true, "process 1");
}

TEST(StreamErrors, AnotherMinorVersionIsAccepted) {
  const Name name;
  StreamImage{.identity = wire::oieb_v1_identity_word | std::uint64_t{5} << 40U}.put(name);
  test::put_semaphores(name);
  EXPECT_EQ(1U, Writer(name, at_once).writeFrame(bytes("x")));
  name.clean();
}

TEST(StreamErrors, ADeadWritersPlaceIsTaken) {
  for (const bool zombie_left : {false, true}) {
    const Name name;
    Reader reader(name, small);
    const test::Zombie zombie;
    RawStream(name).info().writer_pid = zombie_left ? zombie.pid() : test::dead_pid();
    EXPECT_FALSE(reader.isWriterConnected());
    EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
    EXPECT_EQ(1U, Writer(name, at_once).writeFrame(bytes("x")));
    EXPECT_EQ(1U, reader.readFrame().sequence());
  }
}

TEST(StreamErrors, ASecondWriterWaitsForItsTurn) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  EXPECT_THROW(Writer(name, at_once), WriterAlreadyConnectedError);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THROW(Writer(name, connect_within(50ms)), WriterAlreadyConnectedError);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms);
  writer.writeFrame(bytes("x"));
  EXPECT_EQ(1U, reader.readFrame().sequence()) << "the first one is not disturbed";
  EXPECT_TRUE(reader.isWriterConnected());
  std::jthread second([&] { EXPECT_EQ(1U, Writer(name, connect_within(60'000ms)).writeFrame(bytes("y"))); });
  std::this_thread::sleep_for(20ms);
  writer.close();
}

TEST(StreamErrors, AWriterWaitsForADeadReadersSuccessor) {
  const Name name;
  StreamImage{.reader_pid = test::dead_pid()}.put(name);
  test::put_semaphores(name);
  EXPECT_THROW(Writer(name, at_once), ReaderDeadError);
  std::jthread writing([&] { EXPECT_EQ(1U, Writer(name, connect_within(60'000ms)).writeFrame(bytes("x"))); });
  std::this_thread::sleep_for(20ms);
  Reader reader(name, small);
  EXPECT_EQ(1U, reader.readFrame(60s).sequence());
}

TEST(StreamErrors, AWriterThatFailsToAttachIsInNobodysWay) {
  const Name name;
  const Reader reader(name, small);
  const RawStream raw(name);
  raw.info().payload_write_pos = 5000;
  EXPECT_THROW(Writer(name, at_once), CorruptedError);
  EXPECT_EQ(0U, raw.info().writer_pid);
  raw.info().payload_write_pos = 0;
  raw.info().payload_free_bytes = 5000;
  EXPECT_THROW(Writer(name, at_once), CorruptedError);
  EXPECT_EQ(0U, raw.info().writer_pid);
  raw.info().payload_free_bytes = 1024;
  EXPECT_EQ(1U, Writer(name, at_once).writeFrame(bytes("x")));
}

TEST(StreamErrors, AWriterWaitsForTheReaderToCome) {
  const Name name;
  std::jthread writing([&] { EXPECT_EQ(1U, Writer(name, connect_within(60'000ms)).writeFrame(bytes("x"))); });
  std::this_thread::sleep_for(20ms);
  Reader reader(name, small);
  EXPECT_EQ(1U, reader.readFrame(60s).sequence());
}

TEST(StreamErrors, AnotherUsersBuffer) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const Name name;
  Reader reader(name, small);
  ASSERT_EQ(0, ::chown(name.path().c_str(), 12345, 12345));
  EXPECT_THROW(Writer(name, at_once), PermissionDeniedError);
  WriterOptions options = at_once;
  options.allow_other_users = true;
  EXPECT_EQ(1U, Writer(name, options).writeFrame(bytes("x")));
  ASSERT_EQ(0, ::chown(name.path().c_str(), 0, 0));
  const std::string semaphore = wire::semaphore_path(wire::data_read_semaphore(name.str()));
  ASSERT_EQ(0, ::chown(semaphore.c_str(), 12345, 12345));
  EXPECT_THROW(Writer(name, at_once), PermissionDeniedError);
}

// Reading and writing what cannot be.

TEST(StreamErrors, WhatIsCorruptedStaysSo) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  const RawStream raw(name);
  writer.writeFrame(bytes("x"));
  writer.writeFrame(bytes("y"));
  raw.buffer().store_header(0, {.payload_size = 5000, .sequence_number = 1});
  try {
    static_cast<void>(reader.readFrame());
    FAIL();
  } catch (const CorruptedError& e) {
    EXPECT_NE(std::string::npos, e.detail().find("claims 5000 bytes")) << "it says what was read: " << e.detail();
  }
  raw.buffer().store_header(0, {.payload_size = 1, .sequence_number = 1});
  EXPECT_THROW(reader.readFrame(), CorruptedError);
}

TEST(StreamErrors, AWrongSequenceStaysSo) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  const RawStream raw(name);
  writer.writeFrame(bytes("x"));
  writer.writeFrame(bytes("y"));
  static_cast<void>(reader.readFrame());
  raw.buffer().store_header(17, {.payload_size = 1, .sequence_number = 5});
  for (int i = 0; i < 2; ++i) {
    try {
      static_cast<void>(reader.readFrame(0));
      FAIL();
    } catch (const SequenceError& e) {
      EXPECT_EQ(ErrorCode::sequence, e.code());
      EXPECT_NE(std::string::npos, e.detail().find("frame 2 is expected at position 17, got 5")) << e.detail();
    }
  }
}

TEST(StreamErrors, MoreRoomThanThereIs) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  const RawStream raw(name);
  writer.writeFrame(bytes("x"));
  auto frame = reader.readFrame();
  raw.info().payload_free_bytes = 1024;
  frame.release();
  EXPECT_THROW(reader.readFrame(0), CorruptedError) << "found when it was released";
  EXPECT_THROW(writer.writeFrame(bytes("x")), CorruptedError);
  raw.info().payload_free_bytes = 1024;
  EXPECT_THROW(writer.writeFrame(bytes("x")), CorruptedError) << "and that stays so";
}

TEST(StreamErrors, ATokenWithoutAFrameMeansNothing) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  auto tokens = RawStream(name).written();
  ASSERT_TRUE(tokens.post());
  EXPECT_THROW(reader.readFrame(20ms), TimeoutError);
  writer.writeFrame(bytes("x"));
  ASSERT_TRUE(tokens.post());
  EXPECT_EQ(1U, reader.readFrame().sequence());
  EXPECT_THROW(reader.readFrame(0), TimeoutError);
}

/// As a broken writer may.
void store_written_tokens(const Name& name, std::uint32_t value) {
  const int fd = ::open(wire::semaphore_path(wire::data_written_semaphore(name.str())).c_str(), O_RDWR);
  ASSERT_EQ(4, ::pwrite(fd, &value, sizeof value, wire::named_semaphore_value_offset));
  ::close(fd);
}

TEST(StreamErrors, TokensWithoutFramesDoNotHoldAReader) {
  constexpr std::uint32_t stored = 1'000'000;
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  store_written_tokens(name, stored);
  EXPECT_THROW(reader.readFrame(0), TimeoutError);
  EXPECT_GT(RawStream(name).written().value(), stored - 100) << "no look takes them all: there may be any number of them";
  writer.writeFrame(bytes("x"));
  EXPECT_EQ(1U, reader.readFrame().sequence());
}

TEST(StreamErrors, ASemaphoreThatCannotCountAnyFurther) {
  const Name name;
  Reader reader(name, small);
  Writer writer(name);
  store_written_tokens(name, wire::semaphore_value_max);
  EXPECT_THROW(writer.writeFrame(bytes("x")), SystemError);
  EXPECT_EQ(0U, RawStream(name).info().payload_written_count) << "nothing was written";
  store_written_tokens(name, 0);
  EXPECT_EQ(1U, writer.writeFrame(bytes("x"))) << "and no sequence number is lost";
  EXPECT_EQ(1U, reader.readFrame().sequence());
}

TEST(StreamErrors, AWriterThatDiedBetweenPublishingAndPosting) {
  const Name name;
  Reader reader(name, small);
  {
    Writer writer(name);
    writer.writeFrame(bytes("a"));
    writer.writeFrame(bytes("b"));
  }
  const RawStream raw(name);
  auto tokens = raw.written();
  ASSERT_TRUE(tokens.try_take());
  raw.info().writer_pid = test::dead_pid();
  EXPECT_EQ("a", test::text(reader.readFrame().data()));
  EXPECT_EQ("b", test::text(reader.readFrame(60s).data())) << "it stands there, although nobody posted";
  EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
}

TEST(StreamErrors, AWriterThatDiedBeforeItsFrameWasWhole) {
  const Name name;
  Reader reader(name, small);
  const RawStream raw(name);
  raw.info().writer_pid = test::dead_pid();
  raw.info().payload_written_count = 1;
  EXPECT_THROW(reader.readFrame(60s), WriterDeadError);
  EXPECT_THROW(reader.readFrame(0), WriterDeadError) << "that is no corruption";
}

TEST(StreamErrors, Views) {
  const Name name;
  const HeapMemory memory(1024);
  EXPECT_THROW(Reader(name, BufferConfig(4096, memory.view())), InvalidArgumentError);
  WriterOptions options = at_once;
  options.memory = memory.view();
  EXPECT_THROW(Writer(name, options), VersionMismatchError) << "nobody has initialised it";
  options.memory = SharedMemoryView(memory.view().bytes().first(64));
  EXPECT_THROW(Writer(name, options), InvalidArgumentError);
}

TEST(Process, LivesUntilItHasEnded) {
  EXPECT_TRUE(platform::is_living(static_cast<std::uint64_t>(::getpid())));
  EXPECT_TRUE(platform::is_living(1)) << "of whichever user";
  EXPECT_FALSE(platform::is_living(0));
  EXPECT_FALSE(platform::is_living(std::uint64_t{1} << 32U));
  EXPECT_FALSE(platform::is_living(~std::uint64_t{0}));
  EXPECT_FALSE(platform::is_living(test::dead_pid()));
  const test::Zombie zombie;
  EXPECT_FALSE(platform::is_living(zombie.pid()));
}

}  // namespace
}  // namespace zeroduplex
