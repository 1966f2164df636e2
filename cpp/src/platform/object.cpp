#include "platform/object.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>

#include "platform/huge_pages.hpp"
#include "platform/ofd_lock.hpp"
#include "platform/system_error.hpp"

namespace zeroduplex::platform {

namespace {

constexpr std::uint64_t reserve_chunk = 16U << 20U;  // bounds one posix_fallocate, which a signal makes start all over

bool has_proc(int fd) { return ::access(descriptor_path(fd).c_str(), F_OK) == 0; }

std::string folder_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

void check_free(int fd, std::uint64_t size) {
  // Reserving what can never fit would use up the memory of the machine before it failed.
  struct statvfs system {};
  if (::fstatvfs(fd, &system) == 0 && system.f_blocks != 0 && size / system.f_frsize >= system.f_bavail) {
    throw OutOfMemoryError(std::to_string(size) + " bytes of shared memory are wanted, " +
                           std::to_string(system.f_bavail * system.f_frsize) + " are free");
  }
  if (size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    throw OutOfMemoryError(std::to_string(size) + " bytes are more than a file can have");
  }
}

void reserve(int fd, std::uint64_t size) {
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t chunk = std::min(size - done, reserve_chunk);
    const int error = ::posix_fallocate(fd, static_cast<off_t>(done), static_cast<off_t>(chunk));
    if (error == EINTR) continue;
    if (error != 0) throw_system_error("reserve " + std::to_string(size) + " bytes of shared memory", error);
    done += chunk;
  }
}

}  // namespace

SharedObject::SharedObject(std::string name, Descriptor file, TemporaryName temporary)
    : name_(std::move(name)), file_(std::move(file)), temporary_(std::move(temporary)) {}

SharedObject SharedObject::create(const std::string& name, std::uint64_t size, mode_t mode, const PageWish& wish) {
  TemporaryName temporary(wire::temporary_path(name, "object"));
  Descriptor file(::open(folder_of(temporary.path()).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, mode));
  if (file && has_proc(file.get())) {
    temporary.keep();
  } else {
    file = Descriptor(::open(temporary.path().c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file) throw_system_error("create " + temporary.path(), errno);
  }
  SharedObject object(name, std::move(file), std::move(temporary));
  if (::fchmod(object.file_.get(), mode) != 0) throw_system_error("set the mode of a shared-memory object", errno);
  check_free(object.file_.get(), size);
  if (::ftruncate(object.file_.get(), static_cast<off_t>(size)) != 0) {
    throw_system_error("set the size of " + std::to_string(size) + " bytes of shared memory", errno);
  }
  object.read_status();
  object.map(wish);
  object.reserve_pages();
  object.prepare_pages();
  return object;
}

SharedObject SharedObject::open(const std::string& name) {
  const std::string path = wire::object_path(name);
  // O_NONBLOCK: a FIFO of this name must not make us wait.
  Descriptor file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return {};
    if (errno == ELOOP || errno == EISDIR || errno == ENXIO) throw NameInUseError(path + " is not a regular file");
    throw_system_error("open " + path, errno);
  }
  SharedObject object(name, std::move(file), {});
  object.read_status();
  return object;
}

void SharedObject::read_status() {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw_system_error("stat " + wire::object_path(name_), errno);
  if (!S_ISREG(status.st_mode)) throw NameInUseError(wire::object_path(name_) + " is not a regular file");
  size_ = static_cast<std::uint64_t>(status.st_size);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  owner_ = status.st_uid;
}

bool SharedObject::link() {
  const std::string path = wire::object_path(name_);
  const std::string source = temporary_.empty() ? descriptor_path(file_.get()) : temporary_.path();
  if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    if (errno == EEXIST) return false;
    throw_system_error("link " + path, errno);
  }
  temporary_.remove();
  return true;
}

void SharedObject::map(const PageWish& wish) {
  mapping_ = Mapping(file_.get(), size_, wire::object_path(name_).c_str());
  wish_ = wish;
  pages_ = {};
  if (wish_.huge_pages) pages_.reason = ask_for_huge_pages(bytes());
}

void SharedObject::reserve_pages() {
  if (wish_.huge_pages) {
    // Huge ones can only be had through the mapping that asked for them, and not after small ones were reserved.
    wish_.prefault = true;
    pages_.prefaulted = populate(bytes());
  }
  reserve(file_.get(), size_);
}

void SharedObject::prepare_pages() {
  if (wish_.prefault && !pages_.prefaulted) {
    if (!populate(bytes())) {
      reserve(file_.get(), size_);  // published v1 processes do not
      touch(bytes());
    }
    pages_.prefaulted = true;
  }
  if (!wish_.huge_pages || !pages_.reason.empty()) return;
  if (!pages_.prefaulted) {
    pages_.reason = "huge pages are asked for; whether the kernel gives them shows only in memory that is prefaulted";
    return;
  }
  auto [found, reason] = look_for_huge_pages(bytes());
  pages_.huge_page_bytes = found;
  pages_.reason = std::move(reason);
}

std::size_t SharedObject::read_start(std::span<std::byte> to) const {
  const ssize_t count = ::pread(file_.get(), to.data(), to.size(), 0);
  if (count < 0) throw_system_error("read " + wire::object_path(name_), errno);
  return static_cast<std::size_t>(count);
}

void SharedObject::open_lock() {
  if (lock_) return;
  std::string path = descriptor_path(file_.get());
  if (!has_proc(file_.get())) path = temporary_.empty() ? wire::object_path(name_) : temporary_.path();
  lock_ = LockDescriptor::open(path.c_str(), O_RDWR);
  if (!lock_) throw_system_error("open " + path + " for locking", errno);
  struct stat status {};
  if (::fstat(lock_.get(), &status) != 0 || status.st_dev != device_ || status.st_ino != inode_) {
    lock_.reset();
    throw SystemError("'" + name_ + "' was replaced while it was being opened");
  }
}

bool SharedObject::try_lock(std::uint64_t byte) {
  open_lock();
  return try_lock_byte(lock_.get(), byte);
}

void SharedObject::unlock(std::uint64_t byte) noexcept {
  if (lock_) unlock_byte(lock_.get(), byte);
}

bool SharedObject::is_locked(std::uint64_t byte) {
  open_lock();
  return is_byte_locked(lock_.get(), byte);
}

bool SharedObject::is_linked() const noexcept {
  struct stat status {};
  return ::fstat(file_.get(), &status) == 0 && status.st_nlink > 0;
}

bool SharedObject::is_named() const noexcept {
  struct stat named {};
  return ::lstat(wire::object_path(name_).c_str(), &named) == 0 && named.st_dev == device_ && named.st_ino == inode_;
}

void SharedObject::remove() noexcept {
  if (is_named()) ::unlink(wire::object_path(name_).c_str());
}

}  // namespace zeroduplex::platform
