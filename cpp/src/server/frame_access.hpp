#pragma once

#include <string>
#include <string_view>

#include <zeroduplex/frame.hpp>

#include "ring/server_cursor.hpp"

namespace zeroduplex::detail {

/// The library's side of a Frame. One per worker, opened for each request, so that a stale reference to it throws.
class FrameAccess {
 public:
  void open(const ring::RequestFrame& request) noexcept {
    frame_.data_ = request.data;
    frame_.size_ = request.size;
    frame_.capacity_ = request.capacity;
    frame_.sequence_ = request.sequence;
    frame_.opcode_ = request.opcode;
    frame_.one_way_ = request.one_way;
    frame_.failure_ = 0;
    frame_.open_ = true;
  }
  void close() noexcept { frame_.open_ = false; }

  [[nodiscard]] Frame& frame() noexcept { return frame_; }
  [[nodiscard]] std::int32_t failure() const noexcept { return frame_.failure_; }
  [[nodiscard]] const std::string& message() const noexcept { return frame_.message_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return frame_.size_; }

  /// Why the last handler that failed did.
  void set_error(std::string_view error) { error_ = error; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

 private:
  Frame frame_;
  std::string error_;
};

}  // namespace zeroduplex::detail
