#pragma once

#include <cstdint>

namespace zeroduplex::platform {

/// When a file was made, by the kernel's clock, which has ticks.
struct Birth {
  bool known = false;  // some file systems do not keep it
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
};

[[nodiscard]] Birth birth_of(int fd) noexcept;

/// Whether the first is known to be the earlier one.
[[nodiscard]] bool is_before(const Birth& first, const Birth& second) noexcept;

}  // namespace zeroduplex::platform
