#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace zeroduplex {

namespace stream {
class WriterCore;
}

/// Room in the ring of a v1 buffer for one frame, to be filled where it stands. commit() writes it; abort(), or destruction without
/// commit, gives the room back and leaves no trace. Movable, not copyable.
///
/// A writer has one open buffer at a time: while it is open other writers of the process queue, so keep it open briefly. Use it
/// from one thread at a time. After commit(), abort() or a move every other call throws FrameReleasedError.
class [[nodiscard]] FrameBuffer {
 public:
  FrameBuffer(FrameBuffer&& other) noexcept = default;
  FrameBuffer& operator=(FrameBuffer&& other) noexcept {
    if (this != &other) {
      abort();
      core_ = std::move(other.core_);
      data_ = other.data_;
    }
    return *this;
  }
  FrameBuffer(const FrameBuffer&) = delete;
  FrameBuffer& operator=(const FrameBuffer&) = delete;
  ~FrameBuffer() { abort(); }

  /// The bytes to fill, at any address; they hold whatever the ring held.
  [[nodiscard]] std::span<std::byte> data() const { return check(), data_; }
  [[nodiscard]] std::size_t size() const { return check(), data_.size(); }

  /// Writes the frame and returns its sequence number. Throws ReaderDeadError, CorruptedError, ClosedError; the buffer is given
  /// back then too.
  std::uint64_t commit();
  /// Gives the room back. Does nothing after commit() or abort().
  void abort() noexcept {
    if (core_) give_back();
  }

 private:
  friend class Writer;
  FrameBuffer(std::shared_ptr<stream::WriterCore> core, std::span<std::byte> data) noexcept : core_(std::move(core)), data_(data) {}

  void check() const {
    if (!core_) throw_released();
  }
  [[noreturn]] static void throw_released();
  void give_back() noexcept;

  std::shared_ptr<stream::WriterCore> core_;  // keeps the memory mapped
  std::span<std::byte> data_;
};

}  // namespace zeroduplex
