#pragma once

#include <cstdint>
#include <string>

namespace zeroduplex {

/// What became of the options `prefault` and `huge_pages` for this process's mapping, as it was when the memory was created or
/// attached to. Without these options it is empty.
struct MemoryReport {
  /// Every page of the mapping was made present and writable. `huge_pages` does so too where it creates memory.
  bool prefaulted = false;
  /// How many bytes of the mapping the kernel maps by huge pages, as it says itself; 0 when none, or when it cannot be known.
  std::uint64_t huge_page_bytes = 0;
  /// Why an option was not fulfilled and what can be done; empty when all was done that was asked for.
  std::string reason = {};

  friend bool operator==(const MemoryReport&, const MemoryReport&) = default;
};

}  // namespace zeroduplex
