#include "platform/birth.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <tuple>

namespace zeroduplex::platform {

Birth birth_of(int fd) noexcept {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &status) != 0 || (status.stx_mask & STATX_BTIME) == 0) return {};
  return {true, status.stx_btime.tv_sec, status.stx_btime.tv_nsec};
}

bool is_before(const Birth& first, const Birth& second) noexcept {
  return first.known && second.known && std::tie(first.seconds, first.nanoseconds) < std::tie(second.seconds, second.nanoseconds);
}

}  // namespace zeroduplex::platform
