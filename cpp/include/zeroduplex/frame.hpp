#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace zeroduplex {

namespace detail {
class FrameAccess;
}

/// A request in the hands of a handler. What the handler leaves in data() is the response: both are the same bytes of shared
/// memory.
///
/// Valid only while the handler runs and only on its thread; afterwards every call throws FrameReleasedError. The client is another
/// process: read a byte once if a decision hangs on it.
class Frame {
 public:
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  /// The request, and what will be the response; size() bytes.
  [[nodiscard]] std::span<std::byte> data() const { return {(check(), data_), size_}; }
  /// The same as a pointer, begins on a 64-byte boundary. capacity() bytes may be written, size() of them are answered.
  [[nodiscard]] std::uint8_t* get_mutable_data() const { return reinterpret_cast<std::uint8_t*>((check(), data_)); }
  /// Bytes of the request, or of the response after resize().
  [[nodiscard]] std::size_t size() const { return check(), size_; }
  /// The most that the response may have.
  [[nodiscard]] std::size_t capacity() const { return check(), capacity_; }
  /// The n-th request of a client has n.
  [[nodiscard]] std::uint64_t sequence() const { return check(), sequence_; }
  /// The client's tag.
  [[nodiscard]] std::uint32_t opcode() const { return check(), opcode_; }
  /// Whether the client wants no answer.
  [[nodiscard]] bool isOneWay() const { return check(), one_way_; }

  /// Makes the response `size` bytes long. Bytes past the request are whatever the ring held. Throws ResponseTooLargeError when it
  /// exceeds capacity(); a handler that lets it pass answers the client with the same error.
  void resize(std::size_t size);

  /// Answers with a failure: the client gets HandlerFailedError with this status and message. `code` must be above 0, else
  /// InvalidArgumentError. The message is cut to the capacity.
  void fail(std::int32_t code, std::string_view message);

 private:
  friend class detail::FrameAccess;
  Frame() = default;

  void check() const {
    if (!open_) throw_released();
  }
  [[noreturn]] static void throw_released();

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint32_t opcode_ = 0;
  std::int32_t failure_ = 0;
  bool one_way_ = false;
  bool open_ = false;
  std::string message_;
};

}  // namespace zeroduplex
