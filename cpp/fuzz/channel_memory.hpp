#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <zeroduplex/generated/wire.hpp>

#include "arena.hpp"
#include "platform/semaphore.hpp"
#include "program.hpp"
#include "ring/atomic_fields.hpp"

namespace zeroduplex::fuzz {

/// The channels of all programs.
inline constexpr std::uint64_t metadata_size = 64;
inline constexpr std::uint64_t payload_size = 1024;
inline wire::SegmentV2 channel_layout() { return *wire::resolve_segment_v2(metadata_size, metadata_size, payload_size); }

/// The four semaphores of a channel, in the order in which programs number them.
inline std::vector<std::string> semaphore_names(const std::string& name) {
  return {wire::request_ready_semaphore(name), wire::response_ready_semaphore(name), wire::response_consumed_semaphore(name),
          wire::space_available_semaphore(name)};
}

/// The semaphores of a name, mapped for somebody who writes into them.
class Semaphores {
 public:
  explicit Semaphores(const std::string& name) {
    for (const std::string& each : semaphore_names(name)) {
      const int file = ::open(wire::semaphore_path(each).c_str(), O_RDWR | O_CLOEXEC);
      require(file >= 0, "no semaphore");
      mapped_.push_back(::mmap(nullptr, wire::named_semaphore_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
      require(mapped_.back() != MAP_FAILED, "no memory for a semaphore");
      ::close(file);
    }
  }
  Semaphores(Semaphores&& other) noexcept : mapped_(std::exchange(other.mapped_, {})) {}
  Semaphores& operator=(Semaphores&& other) noexcept {
    std::swap(mapped_, other.mapped_);
    return *this;
  }
  ~Semaphores() {
    for (void* mapped : mapped_) ::munmap(mapped, wire::named_semaphore_size);
  }

  [[nodiscard]] std::size_t count() const noexcept { return mapped_.size(); }
  [[nodiscard]] Word word(std::uint64_t which, std::size_t offset) const {
    return {static_cast<std::byte*>(mapped_[which]) + offset, 4};
  }
  void clear() const {
    for (std::size_t i = 0; i < count(); ++i) {
      word(i, wire::named_semaphore_value_offset).store(0);
      word(i, wire::named_semaphore_waiters_offset).store(0);
      word(i, wire::named_semaphore_shared_offset).store(wire::semaphore_shared_flag);
    }
  }
  /// Wakes who sleeps on it, as a right peer does.
  void post(std::size_t which) const {
    ring::fence();  // pairs with the fence behind the sleeper's wait
    if (word(which, wire::named_semaphore_value_offset).load() == 0) ::sem_post(static_cast<sem_t*>(mapped_[which]));
  }
  void post_request_ready() const { post(0); }
  void post_response_ready() const { post(1); }

 private:
  std::vector<void*> mapped_;
};

/// The semaphores of a channel whose server is a program; they live as long as the process.
class OwnSemaphores {
 public:
  explicit OwnSemaphores(const std::string& name) {
    for (const std::string& each : semaphore_names(name)) {
      all_.push_back(platform::NamedSemaphore::replace(each, wire::temporary_path(name, std::to_string(all_.size())), 0600));
    }
  }
  OwnSemaphores(const OwnSemaphores&) = delete;
  OwnSemaphores& operator=(const OwnSemaphores&) = delete;
  ~OwnSemaphores() {
    for (auto& semaphore : all_) semaphore.remove();
  }

 private:
  std::vector<platform::NamedSemaphore> all_;
};

}  // namespace zeroduplex::fuzz
