#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>
#include <zeroduplex/memory_provider.hpp>

namespace zeroduplex {

/// How a side waits for the other.
enum class WaitStrategy : std::uint8_t {
  hybrid,  ///< Spins for the spin window, then sleeps. The default.
  spin,    ///< Never sleeps: lowest latency, one busy core.
  block,   ///< Sleeps at once.
};

/// Reads "hybrid", "spin" or "block"; throws InvalidArgumentError for anything else.
[[nodiscard]] WaitStrategy parseWaitStrategy(std::string_view text);

/// When a client whose ring is empty starts over at position 0.
enum class Lap : std::uint8_t {
  eager,   ///< Always: small frames stay in memory that is in the caches. The default.
  needed,  ///< Only when the frame would not fit otherwise: walks the whole ring.
};

struct ServerOptions {
  /// Handlers that run at the same time, at least 1. With more than one, answers may come out of order. A v1 server has 1.
  std::uint32_t workers = wire::default_v2_workers;
  WaitStrategy wait = WaitStrategy::hybrid;
  /// How long a hybrid waiter spins before it sleeps.
  std::chrono::nanoseconds spin_window = wire::default_v2_spin_window;
  /// How long handlers of a client that is gone may run on before the object is given up and a new one made.
  std::chrono::nanoseconds reset_timeout = wire::default_v2_reset_timeout;
  /// How long stop() waits by default.
  std::chrono::nanoseconds stop_timeout = wire::default_v2_stop_timeout;
  /// Permission bits of the object and the semaphores, whatever the umask.
  mode_t mode = wire::default_v2_object_mode;
  /// Whether what another user left behind under this name may be taken over.
  bool allow_other_users = false;
  /// Told what no caller is there to catch: corruption found, an object given up, a handler of a one-way request that failed.
  /// Called from the server's threads; must be thread-safe, must not throw and must not call the server.
  std::function<void(const Error&)> on_error;
  /// Makes every page of this process's mapping present and writable before the first call, so that the first frames cost as much
  /// as later ones. Creating takes the longer, and throws OutOfMemoryError when a page cannot be had. See MemoryReport.
  bool prefault = false;
  /// Asks the kernel for huge pages: a wish and never an error, see MemoryReport. Who creates the memory has to ask, and prefaults
  /// by that; /dev/shm must be mounted with huge=advise, within_size or always.
  bool huge_pages = false;
};

struct ClientOptions {
  /// How long creating a client waits for the server and for its turn; 0 tries once.
  std::chrono::nanoseconds connect_timeout = wire::default_v2_connect_timeout;
  /// How long receiving waits by default.
  std::chrono::nanoseconds call_timeout = wire::default_v2_call_timeout;
  /// How long sending waits by default for its turn and for room.
  std::chrono::nanoseconds send_timeout = wire::default_v2_send_timeout;
  WaitStrategy wait = WaitStrategy::hybrid;
  std::chrono::nanoseconds spin_window = wire::default_v2_spin_window;
  Lap lap = Lap::eager;
  /// Whether a server of another user is accepted.
  bool allow_other_users = false;
  /// The memory of a server that was created over a view of it. v2 only.
  std::optional<SharedMemoryView> memory;
  /// v1 only: the buffer for responses, which the client creates. A view is not possible.
  BufferConfig response_config = BufferConfig::defaultV1();
  /// As in ServerOptions, for this process's mapping.
  bool prefault = false;
  bool huge_pages = false;
};

/// Of a reader of a v1 buffer.
struct ReaderOptions {
  /// Permission bits of the object and the semaphores, whatever the umask.
  mode_t mode = wire::default_v2_object_mode;
  /// How long reading waits by default.
  std::chrono::nanoseconds read_timeout = wire::default_v1_read_timeout;
  WaitStrategy wait = WaitStrategy::hybrid;
  /// How long a hybrid waiter spins before it sleeps.
  std::chrono::nanoseconds spin_window = wire::default_v2_spin_window;
  /// As in ServerOptions, for this process's mapping.
  bool prefault = false;
  bool huge_pages = false;
};

/// Of a writer to a v1 buffer.
struct WriterOptions {
  /// How long creating a writer waits for a living reader and for its turn; 0 tries once.
  std::chrono::nanoseconds connect_timeout = wire::default_v1_connect_timeout;
  /// How long writing waits by default for its turn and for room.
  std::chrono::nanoseconds write_timeout = wire::default_v1_write_timeout;
  /// Whether a reader of another user is accepted.
  bool allow_other_users = false;
  WaitStrategy wait = WaitStrategy::hybrid;
  std::chrono::nanoseconds spin_window = wire::default_v2_spin_window;
  /// The memory of a reader that was created over a view of it.
  std::optional<SharedMemoryView> memory;
  /// As in ServerOptions, for this process's mapping.
  bool prefault = false;
  bool huge_pages = false;
};

}  // namespace zeroduplex
