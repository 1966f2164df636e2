#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace zeroduplex {

namespace detail {
class ImmutableHandling;
}

/// A request where it stands in shared memory, in the hands of a handler that does not change it.
///
/// Valid only while the handler runs and only on its thread; afterwards every call throws FrameReleasedError. The client is another
/// process: read a byte once if a decision hangs on it.
class ImmutableRequest {
 public:
  ImmutableRequest(const ImmutableRequest&) = delete;
  ImmutableRequest& operator=(const ImmutableRequest&) = delete;

  /// At least 1 byte, at any address.
  [[nodiscard]] std::span<const std::byte> data() const { return check(), data_; }
  [[nodiscard]] std::size_t size() const { return check(), data_.size(); }
  /// The n-th request of a client has n.
  [[nodiscard]] std::uint64_t sequence() const { return check(), sequence_; }

 private:
  friend class detail::ImmutableHandling;
  ImmutableRequest(std::span<const std::byte> data, std::uint64_t sequence) noexcept : data_(data), sequence_(sequence) {}

  void check() const {
    if (!open_) throw_released();
  }
  [[noreturn]] static void throw_released();

  std::span<const std::byte> data_;
  std::uint64_t sequence_;
  bool open_ = true;
};

}  // namespace zeroduplex
