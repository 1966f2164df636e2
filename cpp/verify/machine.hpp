#pragma once

#include <cstddef>
#include <cstdint>

/// The machine that the ring's real code runs on while it is checked: shared memory in which every thread sees what the C++ memory
/// model lets it see, simulated by Relacy. instrument.cpp sends it every access that the compiler's thread-sanitizer
/// instrumentation reports; scenarios call the rest.
namespace verify {

enum class Order : std::uint8_t { relaxed, acquire, release, acq_rel, seq_cst };
enum class Operation : std::uint8_t { load, store, swap, fetch_or, fence };

/// What a thread is doing, as far as the table of orders tells calls apart.
enum class Call : std::uint8_t {
  none,
  create,
  attach,
  metadata,
  reserve,
  publish,
  answer,
  release,
  cancel,
  abandon,
  reclaim,
  post,  // clients and both
  look,
  poll,
  take,
  skip,
  respond,
  finish,
  count,
  drain,
  reset,
  wait,
  abandoned,
  spin,
};

/// The word that an atomic operation is about.
enum class Field : std::uint8_t {
  none,
  identity,
  metadata_free,
  metadata_written,
  free_bytes,
  written_bytes,
  written_count,
  read_count,
  writer_pid,
  reader_pid,
  state,
  flags,
  other,
};

/// One operation as it stands in the code. The value tells stores of states apart.
struct Site {
  Call call = Call::none;
  Operation operation = Operation::load;
  bool response_block = false;
  Field field = Field::none;
  std::uint32_t value = 0;
  bool operator==(const Site&) const = default;
};

inline constexpr std::size_t most_threads = 3;
inline constexpr std::size_t memory_size = 1024;
extern std::byte memory[memory_size];

enum Semaphore : std::uint8_t { request_ready, response_ready, response_consumed, space_available, semaphores };

// Of the thread that runs.
[[nodiscard]] std::uint64_t atomic_load(const void* at, std::size_t size, Order order);
void atomic_store(void* at, std::size_t size, std::uint64_t value, Order order);
[[nodiscard]] bool atomic_swap(void* at, std::size_t size, std::uint64_t& expected, std::uint64_t desired, Order order,
                               Order failure);
std::uint64_t atomic_or(void* at, std::size_t size, std::uint64_t bits, Order order);
void fence(Order order);
void plain_access(const void* at, std::size_t size, bool write);
/// A load outside of the memory model, by volatile; what it finds stands at the place itself until the next access.
void peek(const void* at, std::size_t size);

[[nodiscard]] bool is_zero(Semaphore semaphore);
void post(Semaphore semaphore);
void wait(Semaphore semaphore);
/// Lets others run. A spinning thread sees, after it, no older values than before.
void pause();
[[noreturn]] void fail(const char* why);
/// Says what the thread does until the end of the scope.
class Doing {
 public:
  explicit Doing(Call call);
  Doing(const Doing&) = delete;
  Doing& operator=(const Doing&) = delete;
  ~Doing();

 private:
  Call before_;
};

}  // namespace verify
