#pragma once

#include <cstdint>

namespace zeroduplex::platform {

/// Open-file-description locks on single bytes. The kernel drops such a lock when the last descriptor of the open file description
/// is closed, however the process ends; that is the protocol's sign of life.

/// False: another description holds the byte. Throws SystemError.
[[nodiscard]] bool try_lock_byte(int fd, std::uint64_t offset);
void unlock_byte(int fd, std::uint64_t offset) noexcept;
/// Whether another open file description holds the byte. Throws SystemError.
[[nodiscard]] bool is_byte_locked(int fd, std::uint64_t offset);

}  // namespace zeroduplex::platform
