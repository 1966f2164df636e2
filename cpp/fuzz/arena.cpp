#include "arena.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#define ZERODUPLEX_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ZERODUPLEX_ASAN
#endif
#endif
#ifdef ZERODUPLEX_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace zeroduplex::fuzz {

namespace {

constexpr int canary = 0xA5;

bool is_canary(std::span<const std::byte> part) {
  return std::all_of(part.begin(), part.end(), [](std::byte b) { return b == std::byte{canary}; });
}

}  // namespace

void fail(const char* what) {
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

Arena::Arena(std::size_t size) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t rounded = (size + page - 1) / page * page;
  mapped_ = rounded + 2 * page;
  void* const mapping = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(mapping != MAP_FAILED, "no memory for an arena");
  mapping_ = static_cast<std::byte*>(mapping);
  usable_ = {mapping_ + page, rounded};
  require(::mprotect(mapping_, page, PROT_NONE) == 0 && ::mprotect(mapping_ + page + rounded, page, PROT_NONE) == 0,
          "no guard pages for an arena");
}

Arena::~Arena() {
  allow_all();
  ::munmap(mapping_, mapped_);
}

void Arena::allow_all() { ASAN_UNPOISON_MEMORY_REGION(usable_.data(), usable_.size()); }

std::span<std::byte> Arena::give(std::size_t size) {
  allow_all();
  given_ = size;
  forbidden_count_ = 0;
  const std::span<std::byte> bytes = usable_.last(size);
  std::memset(bytes.data(), 0, size);
  forbid(usable_.first(usable_.size() - size));
  return bytes;
}

void Arena::forbid(std::span<std::byte> part) {
  if (part.empty()) return;
  require(forbidden_count_ < std::size(forbidden_), "too many forbidden parts");
  forbidden_[forbidden_count_++] = part;
  std::memset(part.data(), canary, part.size());
  ASAN_POISON_MEMORY_REGION(part.data(), part.size());
}

bool Arena::is_intact() {
  allow_all();
  return std::all_of(forbidden_, forbidden_ + forbidden_count_, is_canary);
}

}  // namespace zeroduplex::fuzz
