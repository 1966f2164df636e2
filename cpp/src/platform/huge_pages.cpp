#include "platform/huge_pages.hpp"

#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>

#include <zeroduplex/generated/wire.hpp>

namespace zeroduplex::platform {

namespace {

constexpr const char* page_size_path = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
constexpr const char* policy_path = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

/// Nothing when it cannot be read, which then says nothing about the reason.
std::string content_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<std::uint64_t> number(const std::string& text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::string shared_memory_folder() {
  const std::string path = wire::object_path("x");
  return path.substr(0, path.find_last_of('/'));
}

/// Whether a folder's file system has huge pages. The last line of a folder is the mount that is seen.
bool is_mounted_huge(const std::string& mounts, const std::string& folder) {
  bool huge = false;
  std::istringstream lines(mounts);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i < 5; ++i) fields >> field;
    if (!fields || field != folder) continue;
    huge = line.find("huge=") != std::string::npos && line.find("huge=never") == std::string::npos;
  }
  return huge;
}

}  // namespace

HugePages look_for_huge_pages(std::span<const std::byte> mapping) {
  std::ifstream smaps("/proc/self/smaps");
  const auto bytes = parse_smaps(smaps, reinterpret_cast<std::uintptr_t>(mapping.data()));
  if (!bytes) {
    return {
        0,
        "huge pages are asked for, but the kernel does not say whether it gives them: /proc/self/smaps does not name the mapping"};
  }
  if (*bytes > 0) return {*bytes, {}};
  return {0, why_no_huge_pages(mapping.size(), content_of(page_size_path), content_of(policy_path),
                               content_of("/proc/self/mountinfo"))};
}

std::optional<std::uint64_t> parse_smaps(std::istream& smaps, std::uintptr_t address) {
  std::optional<std::uint64_t> bytes;
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream fields(line);
    std::string key;
    std::string value;
    fields >> key >> value;
    if (key == "ShmemPmdMapped:" || key == "FilePmdMapped:") {
      if (bytes) *bytes += number(value, 10).value_or(0) * 1024;
      continue;
    }
    const auto dash = key.find('-');
    if (dash == std::string::npos) continue;
    const auto begin = number(key.substr(0, dash), 16);
    if (!begin) continue;
    if (bytes) break;  // the next mapping
    if (*begin == address) bytes = 0;
  }
  return bytes;
}

std::string why_no_huge_pages(std::uint64_t mapped, const std::string& page_size, const std::string& policy,
                              const std::string& mounts) {
  const std::string folder = shared_memory_folder();
  if (const auto least = number(page_size, 10); least && mapped < *least) {
    return "the mapping of " + std::to_string(mapped) + " bytes is smaller than a huge page of " + std::to_string(*least);
  }
  if (policy.find("[deny]") != std::string::npos) {
    return std::string(policy_path) + " is deny: an administrator can write never into it, so that " + folder +
           " decides by itself";
  }
  if (!is_mounted_huge(mounts, folder)) {
    return folder + " is mounted without huge pages: an administrator can allow them by mount -o remount,huge=advise " + folder;
  }
  return "the kernel gave small pages: who created the object did not ask for huge ones, or none were free";
}

}  // namespace zeroduplex::platform
