#include "platform/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <string_view>

#include "platform/descriptor.hpp"

namespace zeroduplex::platform {

namespace {

/// Whether /proc says that nothing but an exit code is left of it. Where /proc does not tell, it is not.
bool is_zombie(pid_t pid) noexcept {
  std::array<char, 32> path{"/proc/"};
  constexpr std::size_t prefix = std::string_view("/proc/").size();
  constexpr std::string_view suffix = "/stat";
  const auto [end, error] = std::to_chars(path.data() + prefix, path.data() + path.size() - suffix.size() - 1, pid);
  if (error != std::errc()) return false;
  suffix.copy(end, suffix.size());
  const Descriptor file(::open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, 128> buffer{};
  const ssize_t size = file ? ::read(file.get(), buffer.data(), buffer.size()) : -1;
  if (size <= 0) return false;
  // "pid (name) state …", and the name may contain anything.
  const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= text.size()) return false;
  const char state = text[name_end + 2];
  return state == 'Z' || state == 'X';
}

}  // namespace

bool is_living(std::uint64_t pid) noexcept {
  if (pid == 0 || pid > static_cast<std::uint64_t>(std::numeric_limits<pid_t>::max())) return false;
  const auto id = static_cast<pid_t>(pid);
  if (::kill(id, 0) != 0 && errno != EPERM) return false;
  return !is_zombie(id);
}

}  // namespace zeroduplex::platform
