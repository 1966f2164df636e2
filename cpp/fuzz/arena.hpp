#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace zeroduplex::fuzz {

/// Memory that ends where a page begins that nobody may touch. What lies before what was given is poisoned for AddressSanitizer,
/// and what a program writes there is found without it too.
class Arena {
 public:
  explicit Arena(std::size_t size);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  /// `size` zeroed bytes up to the guard. What was given before is void.
  std::span<std::byte> give(std::size_t size);
  /// Takes a part of what was given back: nobody may touch it.
  void forbid(std::span<std::byte> part);
  /// Whether nothing was written where nobody may.
  [[nodiscard]] bool is_intact();

 private:
  void allow_all();

  std::byte* mapping_;
  std::size_t mapped_;
  std::span<std::byte> usable_;
  std::size_t given_ = 0;
  std::span<std::byte> forbidden_[4] = {};
  std::size_t forbidden_count_ = 0;
};

/// Ends the process with a message that says what does not hold: libFuzzer and the driver take it for a finding.
[[noreturn]] void fail(const char* what);
inline void require(bool holds, const char* what) {
  if (!holds) fail(what);
}

}  // namespace zeroduplex::fuzz
