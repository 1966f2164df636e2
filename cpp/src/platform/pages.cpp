#include "platform/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <zeroduplex/error.hpp>

#include "platform/system_error.hpp"

namespace zeroduplex::platform {

namespace {

#ifdef MADV_POPULATE_WRITE
constexpr int populate_write = MADV_POPULATE_WRITE;
#else
constexpr int populate_write = 23;  // of Linux, which older headers do not have
#endif

}  // namespace

Madvise madvise_call = &::madvise;

std::string ask_for_huge_pages(std::span<std::byte> mapping) {
  if (madvise_call(mapping.data(), mapping.size(), MADV_HUGEPAGE) == 0) return {};
  return "the kernel takes no wish for huge pages: " + std::generic_category().message(errno);
}

bool populate(std::span<std::byte> mapping) {
  int error = 0;
  do {
    error = madvise_call(mapping.data(), mapping.size(), populate_write) == 0 ? 0 : errno;
  } while (error == EINTR);
  const std::string what = "prefault " + std::to_string(mapping.size()) + " bytes";
  switch (error) {
    case 0:
      return true;
    case EINVAL:
    case ENOSYS:
    case EPERM:
      return false;
    case EFAULT:  // what would be a SIGBUS for whoever touches the page
      throw OutOfMemoryError(what + ": " + std::generic_category().message(error));
    default:
      throw_system_error(what, error);
  }
}

void touch(std::span<std::byte> mapping) noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (std::size_t offset = 0; offset < mapping.size(); offset += page) {
    // The whole last page is mapped, however little of it the object has. The other side may work there: an atomic addition of
    // nothing loses none of its stores.
    __atomic_fetch_add(reinterpret_cast<std::uint64_t*>(mapping.data() + offset), std::uint64_t{0}, __ATOMIC_RELAXED);
  }
}

}  // namespace zeroduplex::platform
