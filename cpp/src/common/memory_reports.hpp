#pragma once

#include <memory>

#include <zeroduplex/memory_provider.hpp>
#include <zeroduplex/memory_report.hpp>

#include "platform/object.hpp"
#include "platform/pages.hpp"

namespace zeroduplex::detail {

/// What became of a wish for memory that is ready; without a SharedMemory it is a view.
[[nodiscard]] inline MemoryReport report_on(const std::unique_ptr<SharedMemory>& memory, const platform::PageWish& wish) {
  if (memory) return memory->object().pages();
  if (!wish.prefault && !wish.huge_pages) return {};
  return {.reason = "the memory is the application's own: its pages are left to whoever mapped it"};
}

/// The report on two mappings together.
[[nodiscard]] inline MemoryReport both(MemoryReport a, const MemoryReport& b) {
  a.prefaulted = a.prefaulted && b.prefaulted;
  a.huge_page_bytes += b.huge_page_bytes;
  if (a.reason.empty()) {
    a.reason = b.reason;
  } else if (!b.reason.empty() && b.reason != a.reason) {
    a.reason += "; " + b.reason;
  }
  return a;
}

}  // namespace zeroduplex::detail
