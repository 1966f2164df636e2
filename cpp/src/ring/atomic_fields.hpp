#pragma once

#include <atomic>
#include <cstdint>

namespace zeroduplex::ring {

/// Atomic access to plain fields of shared structs. Which order belongs to which field, and what pairs with what, is said where
/// they are used. The peers are other processes, so the operations must be free of locks.

template <typename T>
[[nodiscard]] inline T load(const T& field, std::memory_order order) noexcept {
  static_assert(std::atomic_ref<T>::is_always_lock_free);
  return std::atomic_ref<T>(const_cast<T&>(field)).load(order);
}

/// Reads a plain field of memory that a hostile peer may change at any moment, exactly once: without it the compiler may read what
/// looks like a local copy again, after it was checked. An ordinary read in every other respect, ordered by an acquire before it.
template <typename T>
[[nodiscard]] inline T load_once(const T& field) noexcept {
  T value = field;
  asm volatile("" : "+r"(value));  // from here on the compiler knows nothing of where the value came from
  return value;
}

template <typename T>
[[nodiscard]] inline T load_acquire(const T& field) noexcept {
  return load(field, std::memory_order_acquire);
}

template <typename T>
inline void store_release(T& field, T value) noexcept {
  std::atomic_ref<T>(field).store(value, std::memory_order_release);
}

template <typename T>
inline void store_relaxed(T& field, T value) noexcept {
  std::atomic_ref<T>(field).store(value, std::memory_order_relaxed);
}

template <typename T>
inline bool compare_and_swap(T& field, T expected, T desired) noexcept {
  return std::atomic_ref<T>(field).compare_exchange_strong(expected, desired, std::memory_order_acq_rel, std::memory_order_acquire);
}

/// The fence between changing the state that a sleeper looks at and looking whether there is a sleeper, on both sides.
inline void fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }

}  // namespace zeroduplex::ring
