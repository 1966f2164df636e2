// What code compiled with -fsanitize=thread calls for each access to memory and each atomic operation, instead of the thread
// sanitizer's runtime: accesses to the simulated shared memory go to the machine, all others pass. So the ring is checked as it is.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "machine.hpp"

namespace {

using verify::Order;

bool is_shared(const volatile void* at) {
  const auto* p = static_cast<const std::byte*>(const_cast<const void*>(at));
  return p >= verify::memory && p < verify::memory + verify::memory_size;
}

// The sanitizer's numbers are the language's: relaxed, consume, acquire, release, acq_rel, seq_cst.
Order order_of(int order) {
  constexpr Order orders[] = {Order::relaxed, Order::acquire, Order::acquire, Order::release, Order::acq_rel, Order::seq_cst};
  return orders[order];
}

void access(const volatile void* at, std::size_t size, bool write) {
  if (is_shared(at)) verify::plain_access(const_cast<const void*>(at), size, write);
}

template <typename T>
T load(const volatile T* at, int order) {
  if (!is_shared(at)) return *at;
  return static_cast<T>(verify::atomic_load(const_cast<const T*>(at), sizeof(T), order_of(order)));
}

template <typename T>
void store(volatile T* at, T value, int order) {
  if (is_shared(at)) {
    verify::atomic_store(const_cast<T*>(at), sizeof(T), value, order_of(order));
  } else {
    *at = value;
  }
}

template <typename T>
int swap(volatile T* at, T* expected, T desired, int order, int failure) {
  if (!is_shared(at)) __builtin_trap();  // the ring has none
  std::uint64_t found = *expected;
  const bool swapped = verify::atomic_swap(const_cast<T*>(at), sizeof(T), found, desired, order_of(order), order_of(failure));
  *expected = static_cast<T>(found);
  return swapped ? 1 : 0;
}

}  // namespace

// NOLINTBEGIN: the names are the compiler's.
#define ACCESS(size)                                                      \
  void __tsan_read##size(void* at) { access(at, size, false); }           \
  void __tsan_write##size(void* at) { access(at, size, true); }           \
  void __tsan_unaligned_read##size(void* at) { access(at, size, false); } \
  void __tsan_unaligned_write##size(void* at) { access(at, size, true); } \
  void __tsan_volatile_read##size(void* at) {                             \
    if (is_shared(at)) verify::peek(at, size);                            \
  }                                                                       \
  void __tsan_volatile_write##size(void* at) { access(at, size, true); }

#define ATOMIC(bits)                                                                                                            \
  std::uint##bits##_t __tsan_atomic##bits##_load(const volatile std::uint##bits##_t* at, int order) { return load(at, order); } \
  void __tsan_atomic##bits##_store(volatile std::uint##bits##_t* at, std::uint##bits##_t value, int order) {                    \
    store(at, value, order);                                                                                                    \
  }                                                                                                                             \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile std::uint##bits##_t* at, std::uint##bits##_t* expected,            \
                                                    std::uint##bits##_t desired, int order, int failure) {                      \
    return swap(at, expected, desired, order, failure);                                                                         \
  }                                                                                                                             \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_or(volatile std::uint##bits##_t* at, std::uint##bits##_t bits_, int order) {  \
    return static_cast<std::uint##bits##_t>(                                                                                    \
        verify::atomic_or(const_cast<std::uint##bits##_t*>(at), sizeof(*at), bits_, order_of(order)));                          \
  }

extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void* at, unsigned long size) { access(at, size, false); }
void __tsan_write_range(void* at, unsigned long size) { access(at, size, true); }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
ATOMIC(32)
ATOMIC(64)
void __tsan_atomic_thread_fence(int order) { verify::fence(order_of(order)); }
}
// NOLINTEND
