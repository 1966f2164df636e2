#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <zeroduplex/generated/wire.hpp>

#include "platform/object.hpp"
#include "ring/identity.hpp"

namespace zeroduplex::detail {

/// The first bytes of an object of either protocol, copied without mapping it: it may be too short, or nothing of ours. What is
/// missing reads as 0.
class ObjectStart {
 public:
  explicit ObjectStart(const platform::SharedObject& object) : length_(object.read_start(bytes_)) {}

  [[nodiscard]] std::size_t length() const noexcept { return length_; }
  [[nodiscard]] std::uint64_t word(std::size_t offset) const noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_.data() + offset, sizeof word);
    return word;
  }
  /// The first eight bytes.
  [[nodiscard]] std::uint64_t identity_word() const noexcept { return word(0); }
  [[nodiscard]] ring::Identity identity() const noexcept { return ring::identify(identity_word()); }

 private:
  std::array<std::byte, wire::oieb_v1_size> bytes_{};  // the longer of the two
  std::size_t length_;
};

}  // namespace zeroduplex::detail
