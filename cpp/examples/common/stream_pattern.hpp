#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "common/flags.hpp"

/// What a stream writer and a stream reader agree on, in every language: byte i of frame n is (n + i) mod 256, and these sizes.
namespace examples {

inline void fill(std::span<std::byte> data, std::uint64_t sequence) {
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(sequence + i);
}

inline bool is_filled(std::span<const std::byte> data, std::uint64_t sequence) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] != static_cast<std::byte>(sequence + i)) return false;
  }
  return true;
}

/// The sizes of frames, one after the other: --size A is always A, --size A-B is random, --sizes a,b,c takes turns.
class FrameSizes {
 public:
  explicit FrameSizes(Flags& flags) : random_(flags.number<std::uint64_t>("seed", 0, 0)) {
    const std::string size = flags.text("size");
    const std::string sizes = flags.text("sizes");
    if (!size.empty() && !sizes.empty()) throw UsageError("--size and --sizes exclude each other");
    if (const std::size_t dash = size.find('-'); dash != std::string::npos) {
      least_ = number("size", size.substr(0, dash));
      most_ = number("size", size.substr(dash + 1));
      if (least_ > most_) throw UsageError("--size " + size + " ends below its beginning");
    } else if (!size.empty()) {
      list_ = {number("size", size)};
    }
    std::istringstream list(sizes);
    for (std::string one; std::getline(list, one, ',');) list_.push_back(number("sizes", one));
  }

  [[nodiscard]] bool given() const { return most_ > 0 || !list_.empty(); }
  std::size_t next() {
    if (list_.empty()) return least_ + splitmix64() % (most_ - least_ + 1);
    return list_[count_++ % list_.size()];
  }

 private:
  static std::size_t number(const std::string& flag, const std::string& text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value == 0) {
      throw UsageError("--" + flag + ": \"" + text + "\" is no size of a frame");
    }
    return value;
  }
  std::uint64_t splitmix64() {
    std::uint64_t z = random_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

  std::uint64_t random_;
  std::size_t least_ = 0;
  std::size_t most_ = 0;
  std::vector<std::size_t> list_;
  std::size_t count_ = 0;
};

/// The counters of both sides, at the beginning of a buffer's object. Open it while the buffer is there: its last reader takes the
/// name away.
class OperationInfo {
 public:
  explicit OperationInfo(const std::string& name) : object_(zeroduplex::wire::object_path(name), std::ios::binary) {}

  /// As they are just now.
  zeroduplex::wire::OiebV1 read() {
    zeroduplex::wire::OiebV1 info{};
    object_.seekg(0);
    object_.read(reinterpret_cast<char*>(&info), sizeof info);
    if (!object_) throw std::runtime_error("the counters of the buffer cannot be read");
    return info;
  }

 private:
  std::ifstream object_;
};

}  // namespace examples
