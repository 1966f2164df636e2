#pragma once

#include <cstddef>

namespace zeroduplex::detail {

/// Private memory for the frames of a handler that changes them: as large as a frame may get, at an address that stays. Pages that
/// nobody touches take no memory.
class ScratchMemory {
 public:
  ScratchMemory() noexcept = default;
  ScratchMemory(const ScratchMemory&) = delete;
  ScratchMemory& operator=(const ScratchMemory&) = delete;
  ~ScratchMemory();

  /// At least so many bytes, on a page boundary; what was there may be lost. Throws OutOfMemoryError.
  [[nodiscard]] std::byte* of_size(std::size_t size);

 private:
  std::byte* start_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace zeroduplex::detail
