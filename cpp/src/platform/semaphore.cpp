#include "platform/semaphore.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <zeroduplex/error.hpp>

#include "platform/descriptor.hpp"
#include "platform/system_error.hpp"
#include "platform/temporary_name.hpp"

namespace zeroduplex::platform {

static_assert(sizeof(sem_t) == wire::named_semaphore_size, "the protocol's semaphores are glibc's on 64-bit machines");

namespace {

struct stat status_of(int fd, const std::string& what) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_system_error("stat " + what, errno);
  return status;
}

}  // namespace

NamedSemaphore::NamedSemaphore(std::string name, int fd, const struct stat& file)
    : name_(std::move(name)),
      mapping_(fd, wire::named_semaphore_size, "a semaphore"),
      device_(file.st_dev),
      inode_(file.st_ino),
      born_(birth_of(fd)) {}

NamedSemaphore NamedSemaphore::replace(const std::string& name, const std::string& temporary, mode_t mode) {
  TemporaryName built(temporary);
  const Descriptor file(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file) throw_system_error("create " + temporary, errno);
  wire::NamedSemaphore image{};
  image.shared = wire::semaphore_shared_flag;
  // Writing also reserves the page: a full /dev/shm is an error here and not a SIGBUS at the first post.
  const ssize_t written = ::write(file.get(), &image, sizeof image);
  if (written != static_cast<ssize_t>(sizeof image)) throw_system_error("write " + temporary, written < 0 ? errno : ENOSPC);
  if (::fchmod(file.get(), mode) != 0) throw_system_error("set the mode of " + temporary, errno);
  NamedSemaphore semaphore(name, file.get(), status_of(file.get(), temporary));
  const std::string path = wire::semaphore_path(name);
  if (::rename(temporary.c_str(), path.c_str()) != 0) throw_system_error("rename " + temporary + " to " + path, errno);
  built.keep();
  return semaphore;
}

NamedSemaphore NamedSemaphore::open(const std::string& name, bool allow_other_users) {
  const std::string path = wire::semaphore_path(name);
  const Descriptor file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return {};
    throw_system_error("open " + path, errno);
  }
  const struct stat status = status_of(file.get(), path);
  if (!S_ISREG(status.st_mode) || status.st_size < static_cast<off_t>(wire::named_semaphore_size)) {
    throw CorruptedError(path + " is not a semaphore: it has " + std::to_string(status.st_size) + " bytes");
  }
  if (status.st_uid != ::geteuid() && !allow_other_users) {
    throw PermissionDeniedError(path + " belongs to user " + std::to_string(status.st_uid));
  }
  NamedSemaphore semaphore(name, file.get(), status);
  const auto* image = reinterpret_cast<const wire::NamedSemaphore*>(semaphore.mapping_.bytes().data());
  if (image->shared != wire::semaphore_shared_flag) {
    // A private futex of a peer with another libc would never be woken by ours, nor ours by it.
    throw UnsupportedPlatformError(path + " is not a process-shared semaphore of 64-bit glibc (flag " +
                                   std::to_string(image->shared) + ")");
  }
  return semaphore;
}

bool NamedSemaphore::wait_until(TimePoint deadline) noexcept {
  const timespec at = to_timespec(deadline);
  return ::sem_clockwait(semaphore(), CLOCK_MONOTONIC, &at) == 0;
}

void NamedSemaphore::remove() noexcept {
  struct stat named {};
  const std::string path = wire::semaphore_path(name_);
  if (::lstat(path.c_str(), &named) == 0 && named.st_dev == device_ && named.st_ino == inode_) ::unlink(path.c_str());
}

}  // namespace zeroduplex::platform
