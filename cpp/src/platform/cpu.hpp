#pragma once

#include <cstdint>

namespace zeroduplex::platform {

/// Tells the CPU that this is a spin loop.
inline void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

/// Does nothing for so many steps of about ten cycles. It hits a moment that pause() misses, which takes 60 cycles, or several
/// times that when a sibling thread is busy; and it leaves the processor's units to that thread almost as well.
inline void delay(std::uint32_t steps) noexcept {
  for (std::uint64_t x = 1; steps > 0; --steps) {
#if defined(__x86_64__)
    asm volatile("imul %0, %0\n\timul %0, %0\n\timul %0, %0" : "+r"(x)::"cc");  // three cycles each, which wait for each other
#elif defined(__aarch64__)
    asm volatile("mul %0, %0, %0\n\tmul %0, %0, %0\n\tmul %0, %0, %0" : "+r"(x));
#else
    asm volatile("" : "+r"(x));
#endif
  }
}

/// Fetches a cache line that is about to be read and then written: once, for writing. A plain prefetch, and the load itself, would
/// fetch it shared, and the write would have to take it away from the peer again. A hint, wherever it is known.
inline void fetch_for_writing(const void* address) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" ::"m"(*static_cast<const char*>(address)));  // compilers emit it for newer CPUs only
#else
  __builtin_prefetch(address, 1);
#endif
}

}  // namespace zeroduplex::platform
