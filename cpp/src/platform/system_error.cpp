#include "platform/system_error.hpp"

#include <cerrno>
#include <system_error>

#include <zeroduplex/error.hpp>

namespace zeroduplex::platform {

void throw_system_error(const std::string& what, int error_number) {
  const std::string detail = what + ": " + std::generic_category().message(error_number);
  switch (error_number) {
    case EACCES:
    case EPERM:
      throw PermissionDeniedError(detail);
    case ENOSPC:
    case ENOMEM:
    case EDQUOT:
    case EFBIG:
      throw OutOfMemoryError(detail);
    default:
      throw SystemError(detail);
  }
}

}  // namespace zeroduplex::platform
