#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>

#include "common/flags.hpp"

namespace bench {

inline constexpr std::size_t page_size = 4096;
inline constexpr std::size_t answer_size = 8;

/// How much of a frame both sides touch.
enum class Touch : std::uint8_t {
  none,  // the frame number only, which the client finds again
  fill,  // client fills all, server inverts the first answer_size bytes, client reads these and the last one
  page,  // client fills all, server inverts and client reads one byte per page
  all,   // client fills all, server inverts and client reads all
};

inline Touch parse_touch(const std::string& text) {
  if (text == "none") return Touch::none;
  if (text == "fill") return Touch::fill;
  if (text == "page") return Touch::page;
  if (text == "all") return Touch::all;
  throw examples::UsageError("--touch " + text + " is not one of none, fill, page, all");
}

inline std::size_t answer(std::size_t size) { return std::min(answer_size, size); }

/// The client's work before sending: frame n is filled with n.
inline void fill(std::span<std::byte> data, std::uint64_t n, Touch touch) {
  if (touch != Touch::none) {
    if (!data.empty()) std::memset(data.data(), static_cast<int>(n & 0xFF), data.size());
  } else if (data.size() >= sizeof n) {
    std::memcpy(data.data(), &n, sizeof n);
  }
}

/// Plain enough for the compiler to make vector instructions of it.
inline void invert_all(std::span<std::byte> data) {
  for (std::byte& b : data) b = ~b;
}

/// The server's work.
inline void invert(std::span<std::byte> data, Touch touch) {
  if (touch == Touch::fill) return invert_all(data.first(answer(data.size())));
  if (touch == Touch::all) return invert_all(data);
  if (touch == Touch::page) {
    for (std::size_t i = 0; i < data.size(); i += page_size) data[i] = ~data[i];
  }
}

[[noreturn]] inline void wrong(std::size_t i, std::uint64_t n) {
  throw std::runtime_error("byte " + std::to_string(i) + " of frame " + std::to_string(n) + " is wrong");
}

/// Checks that all bytes are alike, without a branch per byte.
inline void check_all(std::span<const std::byte> data, std::uint64_t n, std::byte want) {
  std::byte different{0};
  for (const std::byte b : data) different |= b ^ want;
  if (different == std::byte{0}) return;
  wrong(static_cast<std::size_t>(std::find_if(data.begin(), data.end(), [want](std::byte b) { return b != want; }) - data.begin()),
        n);
}

/// The client's work afterwards: it reads what the server changed of frame n, and so much more that an exchange that lost something
/// cannot pass.
inline void check(std::span<const std::byte> data, std::uint64_t n, Touch touch, std::size_t size) {
  if (data.size() != size) {
    throw std::runtime_error("frame " + std::to_string(n) + " came back with " + std::to_string(data.size()) +
                             " bytes instead of " + std::to_string(size));
  }
  const auto sent = static_cast<std::byte>(n & 0xFF);
  switch (touch) {
    case Touch::none: {
      std::uint64_t number = n;
      if (size >= sizeof number) std::memcpy(&number, data.data(), sizeof number);
      if (number != n)
        throw std::runtime_error("frame " + std::to_string(n) + " came back with the number " + std::to_string(number));
      return;
    }
    case Touch::fill:
      if (size > answer_size && data.back() != sent) wrong(size - 1, n);
      return check_all(data.first(answer(size)), n, ~sent);
    case Touch::page:
      for (std::size_t i = 0; i < size; i += page_size) {
        if (data[i] != ~sent) wrong(i, n);
      }
      return;
    case Touch::all:
      return check_all(data, n, ~sent);
  }
}

}  // namespace bench
