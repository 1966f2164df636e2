#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zeroduplex/generated/wire.hpp>

#include "platform/object.hpp"
#include "platform/semaphore.hpp"
#include "ring/identity.hpp"
#include "stream/buffer.hpp"

namespace test {

/// A v1 buffer as another process sees it: bytes to look at and to spoil.
class RawStream {
 public:
  explicit RawStream(const std::string& name) : name_(name), object_(zeroduplex::platform::SharedObject::open(name)) {
    object_.map();
    const auto layout = zeroduplex::stream::validate(object_.bytes(), false);
    buffer_ = zeroduplex::stream::Buffer(object_.bytes().data(), layout);
  }
  [[nodiscard]] zeroduplex::wire::OiebV1& info() const { return buffer_.info(); }
  [[nodiscard]] const zeroduplex::stream::Buffer& buffer() const { return buffer_; }
  [[nodiscard]] zeroduplex::platform::NamedSemaphore written() const {
    return zeroduplex::platform::NamedSemaphore::open(zeroduplex::wire::data_written_semaphore(name_), true);
  }
  [[nodiscard]] zeroduplex::platform::NamedSemaphore read() const {
    return zeroduplex::platform::NamedSemaphore::open(zeroduplex::wire::data_read_semaphore(name_), true);
  }

 private:
  std::string name_;
  zeroduplex::platform::SharedObject object_;
  zeroduplex::stream::Buffer buffer_;
};

/// The bytes of a v1 buffer that a reader of this pid has made, with all that can be wrong about it.
struct StreamImage {
  std::uint64_t identity = zeroduplex::wire::oieb_v1_identity_word;
  std::uint64_t metadata_size = 64;
  std::uint64_t payload_size = 1024;
  std::uint64_t reader_pid = static_cast<std::uint64_t>(::getpid());
  std::uint64_t writer_pid = 0;
  std::size_t length = 128 + 64 + 1024;

  /// Puts it where a buffer's object would be.
  void put(const std::string& name) const {
    zeroduplex::wire::OiebV1 info{};
    std::memcpy(&info, &identity, sizeof identity);
    info.metadata_size = info.metadata_free_bytes = metadata_size;
    info.payload_size = info.payload_free_bytes = payload_size;
    info.reader_pid = reader_pid;
    info.writer_pid = writer_pid;
    std::vector<std::byte> content(std::max(length, sizeof info));
    std::memcpy(content.data(), &info, sizeof info);
    const int fd = ::open(zeroduplex::wire::object_path(name).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(static_cast<ssize_t>(length), ::write(fd, content.data(), length));
    ::close(fd);
  }
};

/// The semaphores of a v1 buffer, empty.
inline void put_semaphores(const std::string& name) {
  using zeroduplex::platform::NamedSemaphore;
  namespace wire = zeroduplex::wire;
  NamedSemaphore::replace(wire::data_written_semaphore(name), wire::temporary_path(name, "w"), 0600);
  NamedSemaphore::replace(wire::data_read_semaphore(name), wire::temporary_path(name, "r"), 0600);
}

/// A pid that no process has: one of a child that was reaped.
inline std::uint64_t dead_pid() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return static_cast<std::uint64_t>(child);
}

/// A child that has ended and is not reaped before this goes.
class Zombie {
 public:
  Zombie() : pid_(::fork()) {
    if (pid_ == 0) ::_exit(0);
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  Zombie(const Zombie&) = delete;
  Zombie& operator=(const Zombie&) = delete;
  ~Zombie() { ::waitpid(pid_, nullptr, 0); }
  [[nodiscard]] std::uint64_t pid() const { return static_cast<std::uint64_t>(pid_); }

 private:
  pid_t pid_;
};

}  // namespace test
