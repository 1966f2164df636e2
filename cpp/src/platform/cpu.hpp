#pragma once

namespace zeroduplex::platform {

/// Tells the CPU that this is a spin loop.
inline void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
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
