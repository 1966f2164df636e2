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

}  // namespace zeroduplex::platform
