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

/// A response where it stands in shared memory, given back to the ring by release() or its destructor. Movable, not copyable.
///
/// Use one response from one thread at a time; different ones are independent. It may outlive its client: the channel then stays
/// attached until the last response is released. After release() or a move every other call throws FrameReleasedError.
class [[nodiscard]] Response {
 public:
  Response(Response&& other) noexcept { take(other); }
  Response& operator=(Response&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;
  ~Response() { release(); }

  /// The response, mutable in place; at the position where the request stood.
  [[nodiscard]] std::span<std::byte> data() const { return {(check(), data_), size_}; }
  [[nodiscard]] std::size_t size() const { return check(), size_; }
  /// What sendRequest() or commit() returned for the request.
  [[nodiscard]] std::uint64_t sequence() const { return check(), sequence_; }
  /// Always 0: failed answers surface as exceptions.
  [[nodiscard]] std::int32_t status() const { return check(), 0; }
  /// The tag that the request had.
  [[nodiscard]] std::uint32_t opcode() const { return check(), opcode_; }

  /// Gives the bytes back. Does nothing the second time.
  void release() noexcept {
    if (owner_ != nullptr) give_back();
  }

 private:
  friend class detail::Channel;
  friend class detail::DualBufferChannel;
  Response(detail::ViewOwner* owner, std::byte* data, std::size_t size, std::uint64_t sequence, std::uint32_t opcode) noexcept
      : owner_(owner), data_(data), size_(size), sequence_(sequence), opcode_(opcode) {}

  void check() const {
    if (owner_ == nullptr) throw_released();
  }
  [[noreturn]] static void throw_released();
  void give_back() noexcept;
  void take(Response& other) noexcept {
    owner_ = std::exchange(other.owner_, nullptr);
    data_ = other.data_;
    size_ = other.size_;
    sequence_ = other.sequence_;
    opcode_ = other.opcode_;
  }

  detail::ViewOwner* owner_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint32_t opcode_ = 0;
};

}  // namespace zeroduplex
