#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace zeroduplex {

namespace detail {
class ImmutableHandling;
class ResponseBuffer;
}  // namespace detail

/// Takes the one response of a handler into the client's response buffer. What is there when the handler returns is sent; nothing
/// is sent of it when the handler fails.
///
/// Valid only while the handler runs and only on its thread; afterwards every call throws FrameReleasedError.
class ImmutableResponse {
 public:
  ImmutableResponse(const ImmutableResponse&) = delete;
  ImmutableResponse& operator=(const ImmutableResponse&) = delete;

  /// Copies the response in. As acquire() otherwise.
  void write(std::span<const std::byte> data);
  void write(const void* data, std::size_t size);

  /// Room for a response of `size` bytes, to be filled in place. Waits until the client has released so many responses, as long as
  /// it lives. Once, write() counted: InvalidArgumentError otherwise. Throws InvalidFrameSizeError for 0 bytes,
  /// ResponseTooLargeError when the client's buffer cannot take so many, ClientDeadError when the client is gone, ClosedError when
  /// the server was stopped meanwhile; a handler may let all of these pass.
  std::span<std::byte> acquire(std::size_t size);

  /// The most that a response may have. At a given moment the buffer may be able to place less, but always nearly half of it.
  [[nodiscard]] std::size_t capacity() const;

 private:
  friend class detail::ImmutableHandling;
  explicit ImmutableResponse(detail::ResponseBuffer& buffer) noexcept : buffer_(&buffer) {}

  void check() const {
    if (buffer_ == nullptr) throw_released();
  }
  [[noreturn]] static void throw_released();

  detail::ResponseBuffer* buffer_;
  bool acquired_ = false;
  bool lost_ = false;  // nobody is there for a response any more
};

}  // namespace zeroduplex
