#pragma once

#include <string>

namespace zeroduplex::platform {

/// Throws what a failed system call means: PermissionDeniedError, OutOfMemoryError or SystemError. `what` says what was tried.
[[noreturn]] void throw_system_error(const std::string& what, int error_number);

}  // namespace zeroduplex::platform
