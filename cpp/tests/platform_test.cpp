// The operating system's part, one piece at a time.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>
#include <zeroduplex/error.hpp>
#include <zeroduplex/memory_provider.hpp>

#include "platform/birth.hpp"
#include "platform/fork.hpp"
#include "platform/object.hpp"
#include "platform/owner_lock.hpp"
#include "platform/semaphore.hpp"
#include "ring/atomic_fields.hpp"
#include "support.hpp"

namespace zeroduplex::platform {
namespace {

using namespace std::chrono_literals;
using test::Name;

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

TEST(Birth, OnlyWhatIsKnownIsBefore) {
  const Birth early{true, 5, 999};
  const Birth later{true, 6, 1};
  const Birth latest{true, 6, 2};
  EXPECT_TRUE(is_before(early, later));
  EXPECT_TRUE(is_before(later, latest));
  EXPECT_FALSE(is_before(latest, later));
  EXPECT_FALSE(is_before(later, early));
  EXPECT_FALSE(is_before(early, early)) << "made within a tick";
  EXPECT_FALSE(is_before({}, early));
  EXPECT_FALSE(is_before(early, {}));
  EXPECT_FALSE(birth_of(-1).known);
}

TEST(Semaphore, IsGlibcsByteForByte) {
  const Name name;
  NamedSemaphore::replace(name, wire::temporary_path(name.str(), "x"), 0600);
  sem_t* other = ::sem_open(("/" + name.str()).c_str(), O_CREAT | O_EXCL, 0600, 0);
  EXPECT_EQ(SEM_FAILED, other) << "it has the name that sem_open gives it";
  other = ::sem_open(("/" + name.str()).c_str(), 0);
  ASSERT_NE(SEM_FAILED, other);
  auto ours = NamedSemaphore::open(name, false);
  ::sem_post(other);
  EXPECT_EQ(1U, ours.value());
  EXPECT_TRUE(ours.wait_until(Clock::now()));
  ours.post_if_zero();
  ours.post_if_zero();
  int value = 0;
  ::sem_getvalue(other, &value);
  EXPECT_EQ(1, value) << "only the first one posts";
  EXPECT_EQ(0, ::sem_trywait(other));
  ::sem_close(other);
  ours.remove();
}

TEST(Semaphore, WaitEndsAtTheDeadlineAndByAPost) {
  const Name name;
  auto semaphore = NamedSemaphore::replace(name, wire::temporary_path(name.str(), "x"), 0600);
  const auto begin = Clock::now();
  EXPECT_FALSE(semaphore.wait_until(begin + 20ms));
  EXPECT_GE(Clock::now() - begin, 20ms);
  std::jthread poster([&] {
    std::this_thread::sleep_for(5ms);
    ring::fence();
    semaphore.post_if_zero();
  });
  EXPECT_TRUE(semaphore.wait_until(Clock::now() + 60s));
  semaphore.remove();
}

TEST(Semaphore, ReplacingLeavesTheOldOneToThoseWhoHaveIt) {
  const Name name;
  auto old = NamedSemaphore::replace(name, wire::temporary_path(name.str(), "x"), 0600);
  auto fresh = NamedSemaphore::replace(name, wire::temporary_path(name.str(), "x"), 0600);
  old.post_if_zero();
  EXPECT_EQ(0U, fresh.value());
  old.remove();
  EXPECT_TRUE(exists(wire::semaphore_path(name.str()))) << "the name is not its own any more";
  fresh.remove();
  EXPECT_FALSE(exists(wire::semaphore_path(name.str())));
}

TEST(Semaphore, RefusesWhatIsNone) {
  const Name name;
  const std::string path = wire::semaphore_path(name.str());
  EXPECT_FALSE(NamedSemaphore::open(name, false));
  for (const std::size_t size : {0U, 8U, 31U}) {
    const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_TRUNC, 0600);
    ASSERT_EQ(0, ::ftruncate(fd, static_cast<off_t>(size)));
    ::close(fd);
    EXPECT_THROW(NamedSemaphore::open(name, false), CorruptedError);
  }
  ASSERT_EQ(0, ::truncate(path.c_str(), 32));
  EXPECT_THROW(NamedSemaphore::open(name, false), UnsupportedPlatformError) << "a private futex, as of musl";
  name.clean();
}

TEST(Object, TwoDescriptionsOfOneProcessExcludeEachOther) {
  const Name name;
  auto first = SharedObject::create(name, 4096, 0600);
  ASSERT_TRUE(first.link());
  auto second = SharedObject::open(name);
  EXPECT_TRUE(first.try_lock(0));
  EXPECT_FALSE(second.try_lock(0));
  EXPECT_TRUE(second.is_locked(0));
  EXPECT_FALSE(second.is_locked(1)) << "each byte has its own lock";
  EXPECT_FALSE(first.is_locked(0)) << "one's own lock is no conflict";
  first.unlock(0);
  EXPECT_FALSE(second.is_locked(0));
  first.remove();
}

TEST(Object, TheLockGoesWithTheObjectEvenWhileItIsMapped) {
  const Name name;
  auto other = SharedObject::create(name, 4096, 0600);
  ASSERT_TRUE(other.link());
  std::span<std::byte> mapped;
  {
    auto object = SharedObject::open(name);
    ASSERT_TRUE(object.try_lock(1));
    object.map();
    mapped = object.bytes();
  }
  EXPECT_FALSE(other.is_locked(1));
  other.remove();
}

TEST(Object, HasNoNameUntilItIsLinked) {
  const Name name;
  {
    const auto object = SharedObject::create(name, 4096, 0600);
    EXPECT_TRUE(name.leftovers().empty());
  }
  auto first = SharedObject::create(name, 4096, 0600);
  auto second = SharedObject::create(name, 4096, 0600);
  EXPECT_TRUE(first.link());
  EXPECT_FALSE(second.link()) << "the name is taken";
  EXPECT_TRUE(first.is_linked());
  EXPECT_FALSE(second.is_linked());
  second.remove();
  EXPECT_TRUE(first.is_named());
  first.remove();
  EXPECT_FALSE(first.is_linked());
}

TEST(Object, IsReservedAndZeroed) {
  const Name name;
  auto object = SharedObject::create(name, 100'000, 0600);
  ASSERT_TRUE(object.link());
  struct stat status {};
  ASSERT_EQ(0, ::stat(name.path().c_str(), &status));
  EXPECT_GE(status.st_blocks * 512, 100'000);
  for (const std::byte b : object.bytes()) ASSERT_EQ(std::byte{0}, b);
  object.remove();
}

TEST(SharedMemoryProvider, AllocatesPublishesAndIsOpened) {
  const Name name;
  SharedMemory owner(name);
  EXPECT_THROW(static_cast<void>(owner.publish()), InvalidArgumentError);
  EXPECT_THROW(owner.allocate(0), InvalidArgumentError);
  EXPECT_TRUE(owner.bytes().empty());
  const auto bytes = owner.allocate(100);
  bytes[99] = std::byte{5};
  SharedMemory user(name);
  EXPECT_THROW(user.open(), ServerNotFoundError);
  EXPECT_TRUE(owner.publish());
  EXPECT_EQ(std::byte{5}, user.open()[99]);
  EXPECT_TRUE(user.hasLiveness());
  owner.remove();
  EXPECT_TRUE(name.leftovers().empty());
  EXPECT_EQ(std::byte{5}, user.bytes()[99]) << "the memory outlives its name";
}

TEST(OwnerLockTest, IsHeldOnceAndLeavesNoFile) {
  const Name name;
  const std::string path = wire::lock_path(name.str());
  {
    OwnerLock lock(name);
    EXPECT_TRUE(exists(path));
    EXPECT_THROW(OwnerLock{name}, NameInUseError);
    EXPECT_TRUE(exists(path)) << "who does not hold it does not remove it";
    lock.release();
    EXPECT_FALSE(exists(path));
    const OwnerLock again(name);
  }
  EXPECT_FALSE(exists(path));
}

TEST(OwnerLockTest, ALockOfVersionOneIsRespected) {
  const Name name;
  { const OwnerLock makes_the_folders(name); }
  const char* temporary = std::getenv("TMPDIR");
  const std::string folder = temporary == nullptr ? "/tmp" : temporary;
  for (const std::string& path : {wire::lock_path(name.str()), wire::lock_csharp_path(folder, name.str())}) {
    const int fd = ::open(path.c_str(), O_CREAT | O_RDWR, 0666);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(0, ::flock(fd, LOCK_EX | LOCK_NB));
    EXPECT_THROW(OwnerLock{name}, NameInUseError);
    ::flock(fd, LOCK_UN);
    EXPECT_NO_THROW(OwnerLock{name}) << "a stale file is taken over";
    ::close(fd);
    EXPECT_FALSE(exists(path));
  }
}

TEST(OwnerLockTest, TheFolderIsEverybodys) {
  const Name name;
  const OwnerLock lock(name);
  struct stat status {};
  ASSERT_EQ(0, ::stat(std::string(wire::lock_folder).c_str(), &status));
  EXPECT_EQ(01777U, status.st_mode & 07777U);
}

TEST(LockDescriptorTest, IsClosedOnExecAndOnce) {
  auto descriptor = LockDescriptor::open("/dev/null", O_RDONLY);
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(FD_CLOEXEC, ::fcntl(descriptor.get(), F_GETFD));
  auto moved = std::move(descriptor);
  const int fd = moved.get();
  moved.reset();
  moved.reset();
  EXPECT_EQ(-1, ::fcntl(fd, F_GETFD));
  EXPECT_FALSE(LockDescriptor::open("/nonexistent/file", O_RDONLY));
}

}  // namespace
}  // namespace zeroduplex::platform
