#pragma once

#include <cstdint>

namespace zeroduplex::platform {

/// Whether a process of this id exists. One that has ended and was not reaped yet does not; one of another user does. All that
/// version 1 has to tell who lives.
[[nodiscard]] bool is_living(std::uint64_t pid) noexcept;

}  // namespace zeroduplex::platform
