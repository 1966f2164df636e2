#include "platform/mapping.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <string>

#include "platform/system_error.hpp"

namespace zeroduplex::platform {

Mapping::Mapping(int fd, std::size_t size, const char* what) {
  void* start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (start == MAP_FAILED) throw_system_error("map " + std::to_string(size) + " bytes of " + what, errno);
  bytes_ = {static_cast<std::byte*>(start), size};
}

Mapping::~Mapping() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace zeroduplex::platform
