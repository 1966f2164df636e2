#include "dual_buffer/scratch_memory.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <string>

#include "platform/system_error.hpp"

namespace zeroduplex::detail {

ScratchMemory::~ScratchMemory() {
  if (start_ != nullptr) ::munmap(start_, size_);
}

std::byte* ScratchMemory::of_size(std::size_t size) {
  if (size <= size_) return start_;
  void* const start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) platform::throw_system_error("map " + std::to_string(size) + " bytes for a frame", errno);
  if (start_ != nullptr) ::munmap(start_, size_);
  start_ = static_cast<std::byte*>(start);
  size_ = size;
  return start_;
}

}  // namespace zeroduplex::detail
