#include "platform/ofd_lock.hpp"

#include <fcntl.h>

#include <cerrno>

#include "platform/system_error.hpp"

namespace zeroduplex::platform {

namespace {

/// Returns 0 or the error number.
int apply(int fd, int command, short type, std::uint64_t offset, struct flock& lock) {
  lock = {};  // l_pid must be 0 with these locks
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(offset);
  lock.l_len = 1;
  while (::fcntl(fd, command, &lock) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

bool try_lock_byte(int fd, std::uint64_t offset) {
  struct flock lock {};
  const int error = apply(fd, F_OFD_SETLK, F_WRLCK, offset, lock);
  if (error == EAGAIN || error == EACCES) return false;
  if (error != 0) throw_system_error("lock byte " + std::to_string(offset) + " of the shared-memory object", error);
  return true;
}

void unlock_byte(int fd, std::uint64_t offset) noexcept {
  struct flock lock {};
  apply(fd, F_OFD_SETLK, F_UNLCK, offset, lock);
}

bool is_byte_locked(int fd, std::uint64_t offset) {
  struct flock lock {};
  const int error = apply(fd, F_OFD_GETLK, F_WRLCK, offset, lock);
  if (error != 0) throw_system_error("query the lock of byte " + std::to_string(offset) + " of the shared-memory object", error);
  return lock.l_type != F_UNLCK;
}

}  // namespace zeroduplex::platform
