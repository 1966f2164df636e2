#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace zeroduplex {

namespace detail {
class Channel;
class DualBufferChannel;
class ViewOwner;
}  // namespace detail

/// Room in the ring for one request, to be filled where it stands. commit() sends it; abort(), or destruction without commit, gives
/// the room back. Movable, not copyable.
///
/// A channel has one open buffer at a time: while it is open other senders queue, so keep it open briefly. Use it from one thread
/// at a time. After commit(), abort() or a move every other call throws FrameReleasedError.
class [[nodiscard]] RequestBuffer {
 public:
  RequestBuffer(RequestBuffer&& other) noexcept { take(other); }
  RequestBuffer& operator=(RequestBuffer&& other) noexcept {
    if (this != &other) {
      abort();
      take(other);
    }
    return *this;
  }
  RequestBuffer(const RequestBuffer&) = delete;
  RequestBuffer& operator=(const RequestBuffer&) = delete;
  ~RequestBuffer() { abort(); }

  /// The bytes to fill; they hold whatever the ring held. Begins on a 64-byte boundary.
  [[nodiscard]] std::span<std::byte> data() const { return {(check(), data_), size_}; }
  [[nodiscard]] std::size_t size() const { return check(), size_; }
  /// The most that the response may have.
  [[nodiscard]] std::size_t capacity() const { return check(), capacity_; }

  /// The tag that the handler sees, 0 unless set.
  void setOpcode(std::uint32_t opcode) { check(), opcode_ = opcode; }
  /// Asks for no answer.
  void setOneWay(bool one_way = true) { check(), one_way_ = one_way; }

  /// Sends the request and returns its sequence number.
  std::uint64_t commit();
  /// Gives the room back. Does nothing after commit() or abort().
  void abort() noexcept {
    if (owner_ != nullptr) give_back();
  }

 private:
  friend class detail::Channel;
  friend class detail::DualBufferChannel;
  RequestBuffer(detail::ViewOwner* owner, std::byte* data, std::size_t size, std::size_t capacity) noexcept
      : owner_(owner), data_(data), size_(size), capacity_(capacity) {}

  void check() const {
    if (owner_ == nullptr) throw_released();
  }
  [[noreturn]] static void throw_released();
  void give_back() noexcept;
  void take(RequestBuffer& other) noexcept {
    owner_ = std::exchange(other.owner_, nullptr);
    data_ = other.data_;
    size_ = other.size_;
    capacity_ = other.capacity_;
    opcode_ = other.opcode_;
    one_way_ = other.one_way_;
  }

  detail::ViewOwner* owner_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::uint32_t opcode_ = 0;
  bool one_way_ = false;
};

}  // namespace zeroduplex
