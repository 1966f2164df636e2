#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>

#include "options.hpp"

/// What client and server do to the bytes of a frame: the same as the project's own peers.
namespace peer {

inline constexpr std::size_t page_size = 4096;
inline constexpr std::size_t answer_size = 8;  // bytes that Touch::fill changes

/// The client's work before sending: frame n is filled with n.
inline void fill(std::span<std::byte> data, std::uint64_t n, Touch touch) {
  if (touch != Touch::none) {
    std::memset(data.data(), static_cast<int>(n & 0xFF), data.size());
  } else if (data.size() >= sizeof n) {
    std::memcpy(data.data(), &n, sizeof n);
  }
}

/// The part of a frame that changes, and at which distance.
inline std::size_t changed(std::size_t size, Touch touch) {
  return touch == Touch::none ? 0 : touch == Touch::fill ? std::min(size, answer_size) : size;
}
inline std::size_t step(Touch touch) { return touch == Touch::page ? page_size : 1; }

/// The server's work.
class Handler {
 public:
  explicit Handler(const Options& o) : touch_(o.touch), corrupt_(o.corrupt) {}

  void handle(std::span<std::byte> data) {
    const std::size_t size = changed(data.size(), touch_);
    if (touch_ == Touch::page) {
      for (std::size_t i = 0; i < size; i += page_size) data[i] = ~data[i];
    } else {
      for (std::size_t i = 0; i < size; ++i) data[i] = ~data[i];
    }
    if (++frames_ == corrupt_ && !data.empty()) data[0] ^= std::byte{1};
  }

 private:
  Touch touch_;
  std::uint64_t corrupt_;
  std::uint64_t frames_ = 0;
};

/// The client's work afterwards.
inline void check(std::span<const std::byte> data, std::uint64_t n, const Options& o) {
  const auto fail = [n](const std::string& what) { throw std::runtime_error("frame " + std::to_string(n) + " came back " + what); };
  if (data.size() != o.size) fail("with " + std::to_string(data.size()) + " bytes");
  const auto filled = static_cast<std::byte>(n & 0xFF);
  const std::byte want = ~filled;
  std::byte different{};
  const std::size_t size = changed(data.size(), o.touch);
  if (o.touch == Touch::page) {
    for (std::size_t i = 0; i < size; i += page_size) different |= data[i] ^ want;
  } else {
    for (std::size_t i = 0; i < size; ++i) different |= data[i] ^ want;
  }
  if (o.touch == Touch::fill && data.size() > answer_size) different |= data.back() ^ filled;
  if (o.touch == Touch::none && data.size() >= sizeof n && std::memcmp(data.data(), &n, sizeof n) != 0) different = want;
  if (different != std::byte{0}) fail("wrong");
}

}  // namespace peer
