#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

#include "bench_clock.hpp"
#include "bench_peer.hpp"

namespace bench {

/// Shared memory as a channel's is, all of it there already.
class SharedBuffer {
 public:
  explicit SharedBuffer(std::size_t size) : size_(size), memory_(::mmap(nullptr, length(), PROT_READ | PROT_WRITE, flags, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "memory for two threads");
  }
  SharedBuffer(const SharedBuffer&) = delete;
  SharedBuffer& operator=(const SharedBuffer&) = delete;
  ~SharedBuffer() { ::munmap(memory_, length()); }

  [[nodiscard]] std::span<std::byte> data() const { return {static_cast<std::byte*>(memory_), size_}; }

 private:
  static constexpr int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE;
  [[nodiscard]] std::size_t length() const { return size_ == 0 ? 1 : size_; }  // an empty mapping is refused

  std::size_t size_;
  void* memory_;
};

/// Does a frame's work without any library: two threads of one process, one buffer of shared memory and one word that says whose
/// turn it is. What it takes is the floor for the work itself.
class Threads {
 public:
  Threads(std::size_t size, int cpu, Touch touch) : buffer_(size), touch_(touch), helper_([this, cpu] { help(cpu); }) {}
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() {
    hand_over(0);
    helper_.join();
  }

  /// Measures a block of frames. The first one waits for the helper to wake and is not counted.
  void block(std::size_t frames, const Clock& clock, std::vector<std::int64_t>& samples) {
    std::uint64_t turn = turn_.load();
    hand_over(frames);
    std::int64_t before = clock.now();
    for (std::size_t i = 0; i < frames; ++i) {
      const std::uint64_t n = turn / 2 + 1;
      fill(buffer_.data(), n, touch_);
      turn_.store(turn + 1, std::memory_order_release);  // pairs with the acquire load in help()
      turn += 2;
      while (turn_.load(std::memory_order_acquire) != turn) {
        if (failed_.load(std::memory_order_relaxed)) std::rethrow_exception(error_);
      }
      check(buffer_.data(), n, touch_, buffer_.data().size());
      const std::int64_t now = clock.now();
      if (i > 0) samples.push_back(clock.sample(before, now));
      before = now;
    }
  }

 private:
  void hand_over(std::size_t frames) {
    const std::lock_guard lock(mutex_);
    frames_ = frames;
    has_frames_ = true;
    wake_.notify_one();
  }

  void help(int cpu) noexcept {
    try {
      pin(cpu);
    } catch (...) {
      error_ = std::current_exception();
      failed_ = true;
      return;
    }
    std::uint64_t turn = 0;
    for (;;) {
      std::size_t frames = 0;
      {
        // Asleep between blocks: spinning here would compete with the server.
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return has_frames_; });
        has_frames_ = false;
        frames = frames_;
      }
      if (frames == 0) return;
      for (; frames > 0; --frames) {
        while (turn_.load(std::memory_order_acquire) != turn + 1) {
        }
        invert(buffer_.data(), touch_);
        turn += 2;
        turn_.store(turn, std::memory_order_release);  // pairs with the acquire load in block()
      }
    }
  }

  SharedBuffer buffer_;
  Touch touch_;
  alignas(128) std::atomic<std::uint64_t> turn_{0};  // odd: the helper's; even: the caller's
  alignas(128) std::mutex mutex_;
  std::condition_variable wake_;
  bool has_frames_ = false;
  std::size_t frames_ = 0;
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
  std::thread helper_;
};

}  // namespace bench
