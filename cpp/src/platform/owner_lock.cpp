#include "platform/owner_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>

#include "platform/system_error.hpp"

namespace zeroduplex::platform {

namespace {

constexpr mode_t folder_mode = 01777;  // every user may keep locks in it, and remove only his own
constexpr mode_t file_mode = 0666;

std::string parent_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

void make_folders(const std::string& folder) {
  if (folder.empty() || ::access(folder.c_str(), F_OK) == 0) return;
  make_folders(parent_of(folder));
  if (::mkdir(folder.c_str(), folder_mode) == 0) ::chmod(folder.c_str(), folder_mode);  // the umask took bits that others need
}

bool cannot_exist(int error) {
  return error == EROFS || error == EACCES || error == EPERM || error == ENOENT || error == ENOTDIR || error == ENOSPC;
}

/// Opens without O_CREAT first: in sticky folders the kernel may refuse O_CREAT on existing files of other users.
LockDescriptor open_or_create(const std::string& path) {
  for (;;) {
    LockDescriptor file = LockDescriptor::open(path.c_str(), O_RDONLY | O_NOFOLLOW);
    if (file || errno != ENOENT) return file;
    file = LockDescriptor::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, file_mode);
    if (file || errno != EEXIST) return file;
  }
}

bool is_still_named(int fd, const std::string& path) {
  struct stat mine {};
  struct stat named {};
  return ::fstat(fd, &mine) == 0 && ::lstat(path.c_str(), &named) == 0 && mine.st_dev == named.st_dev &&
         mine.st_ino == named.st_ino;
}

}  // namespace

OwnerLock::OwnerLock(const std::string& name) {
  const char* temporary = std::getenv("TMPDIR");
  const std::string folder = temporary == nullptr || *temporary == '\0' ? "/tmp" : temporary;
  try {
    acquire(wire::lock_path(name), name);
    acquire(wire::lock_csharp_path(folder, name), name);
  } catch (...) {
    release();
    throw;
  }
}

void OwnerLock::acquire(const std::string& path, const std::string& name) {
  make_folders(parent_of(path));
  for (;;) {
    LockDescriptor file = open_or_create(path);
    if (!file) {
      if (cannot_exist(errno)) return;
      throw_system_error("open " + path, errno);
    }
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) throw NameInUseError("'" + name + "' is owned by a living process, which holds the lock");
      throw_system_error("flock " + path, errno);
    }
    // The previous holder unlinks the file while it holds the lock: what was locked may no longer be what the path names.
    if (is_still_named(file.get(), path)) {
      files_.push_back({path, std::move(file)});
      return;
    }
  }
}

void OwnerLock::release() noexcept {
  for (File& file : files_) {
    ::unlink(file.path.c_str());
    ::flock(file.descriptor.get(), LOCK_UN);
    file.descriptor.reset();
  }
  files_.clear();
}

}  // namespace zeroduplex::platform
