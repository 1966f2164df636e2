#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace zeroduplex {

namespace stream {
class ReaderCore;
}

/// A frame of a v1 buffer where it stands in shared memory, given back to the writer by release() or its destructor. Movable, not
/// copyable.
///
/// Use one frame from one thread at a time; different ones are independent and may be released in any order, but the writer gets
/// the room back in the order of the ring: an old frame that is kept blocks those behind it. A frame may outlive its reader. After
/// release() or a move every other call throws FrameReleasedError. The writer is another process: read a byte once if a decision
/// hangs on it.
class [[nodiscard]] ReceivedFrame {
 public:
  ReceivedFrame(ReceivedFrame&& other) noexcept = default;
  ReceivedFrame& operator=(ReceivedFrame&& other) noexcept {
    if (this != &other) {
      release();
      core_ = std::move(other.core_);
      data_ = other.data_;
      sequence_ = other.sequence_;
      slot_ = other.slot_;
    }
    return *this;
  }
  ReceivedFrame(const ReceivedFrame&) = delete;
  ReceivedFrame& operator=(const ReceivedFrame&) = delete;
  ~ReceivedFrame() { release(); }

  /// At least 1 byte, at any address.
  [[nodiscard]] std::span<const std::byte> data() const { return check(), data_; }
  [[nodiscard]] std::size_t size() const { return check(), data_.size(); }
  /// The n-th frame of a writer has n.
  [[nodiscard]] std::uint64_t sequence() const { return check(), sequence_; }

  /// Gives the bytes back. Does nothing the second time.
  void release() noexcept {
    if (core_) give_back();
  }

 private:
  friend class Reader;
  ReceivedFrame(std::shared_ptr<stream::ReaderCore> core, std::span<const std::byte> data, std::uint64_t sequence,
                std::uint64_t slot) noexcept
      : core_(std::move(core)), data_(data), sequence_(sequence), slot_(slot) {}

  void check() const {
    if (!core_) throw_released();
  }
  [[noreturn]] static void throw_released();
  void give_back() noexcept;

  std::shared_ptr<stream::ReaderCore> core_;  // keeps the memory mapped
  std::span<const std::byte> data_;
  std::uint64_t sequence_ = 0;
  std::uint64_t slot_ = 0;
};

}  // namespace zeroduplex
