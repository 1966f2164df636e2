#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <span>
#include <string>

namespace zeroduplex::platform {

struct HugePages {
  std::uint64_t bytes = 0;
  std::string reason;  // why there are none
};

/// Asks the kernel how much of a mapping has huge pages.
[[nodiscard]] HugePages look_for_huge_pages(std::span<const std::byte> mapping);

/// How many bytes of the mapping that begins at an address smaps counts as mapped by huge pages; nothing when it does not name it.
[[nodiscard]] std::optional<std::uint64_t> parse_smaps(std::istream& smaps, std::uintptr_t address);

/// Tells from what the kernel says about itself why a mapping of so many bytes has no huge pages: the size of one, the policy of
/// shmem_enabled, and mountinfo.
[[nodiscard]] std::string why_no_huge_pages(std::uint64_t mapped, const std::string& page_size, const std::string& policy,
                                            const std::string& mounts);

}  // namespace zeroduplex::platform
