#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace zeroduplex::platform {

/// What is wanted of the pages of a mapping. Nothing of it changes what the memory holds.
struct PageWish {
  bool prefault = false;    ///< Every page is present and writable before the first use.
  bool huge_pages = false;  ///< The kernel is asked for huge pages.
};

/// The wish in options of whatever side.
template <typename Options>
[[nodiscard]] PageWish page_wish(const Options& options) noexcept {
  return {.prefault = options.prefault, .huge_pages = options.huge_pages};
}

using Madvise = int (*)(void*, std::size_t, int) noexcept;
/// Replaced by tests, which play kernels that lack memory or do not know an advice.
extern Madvise madvise_call;

/// Asks for huge pages, before anything is touched: what is touched before stays small. Why the kernel takes no wish, or nothing.
[[nodiscard]] std::string ask_for_huge_pages(std::span<std::byte> mapping);

/// Makes every page present and writable. False: this kernel does not do that on demand (before 5.14, or it is filtered). Throws
/// OutOfMemoryError, SystemError.
[[nodiscard]] bool populate(std::span<std::byte> mapping);

/// Writes to every page without changing it. A page that is not reserved would be a SIGBUS where there is no memory for it.
void touch(std::span<std::byte> mapping) noexcept;

}  // namespace zeroduplex::platform
