// The machine, on top of Relacy. The only file that sees Relacy, which redefines much of the language by macros.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <relacy/relacy.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert

#include <zeroduplex/generated/wire.hpp>

#include "machine.hpp"
#include "orders.hpp"
#include "scenario.hpp"

namespace verify {

alignas(64) std::byte memory[memory_size];

namespace {

namespace wire = zeroduplex::wire;

constexpr std::size_t cell_size = 4;
constexpr std::size_t cells = memory_size / cell_size;
using Word = rl::atomic<std::uint64_t>;

/// When threads last touched four bytes, in Relacy's time: to tell races, also between plain and atomic accesses, which Relacy's
/// own variables do not.
struct Clocks {
  std::size_t plain_read[most_threads];
  std::size_t plain_write[most_threads];
  std::size_t atomic_read[most_threads];
  std::size_t atomic_write[most_threads];
};

alignas(16) std::byte word_storage[cells][sizeof(Word)];
bool has_word[cells];
Clocks clocks[cells];
alignas(16) std::byte semaphore_storage[semaphores][sizeof(Word)];
Call doing[most_threads];
std::size_t threads;

/// Cells that a plain store or a peek has touched and whose word must be brought in line before anybody else runs.
struct Pending {
  std::size_t cell;
  std::size_t size;
  bool written;
};
Pending pending[64];
std::size_t pendings;

Word& word_at(std::size_t cell) { return *reinterpret_cast<Word*>(word_storage[cell]); }
Word& semaphore_word(Semaphore s) { return *reinterpret_cast<Word*>(semaphore_storage[s]); }
std::size_t cell_of(const void* at) { return static_cast<std::size_t>(static_cast<const std::byte*>(at) - memory) / cell_size; }

std::uint64_t read_memory(std::size_t cell, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, memory + cell * cell_size, size);
  return value;
}
void write_memory(std::size_t cell, std::size_t size, std::uint64_t value) { std::memcpy(memory + cell * cell_size, &value, size); }

/// Wide: 8 bytes where a word of the blocks begins, else 4.
std::size_t word_size(std::size_t cell) { return cell * cell_size < 2 * wire::oieb_v2_size ? 8 : 4; }

void settle() {
  while (pendings > 0) {
    const Pending p = pending[--pendings];
    if (p.written) {
      rl::preemption_disabler alone(rl::ctx());
      word_at(p.cell).store(read_memory(p.cell, p.size), rl::mo_relaxed, $);
    } else {
      write_memory(p.cell, p.size, word_at(p.cell).debug_value());
    }
  }
}

bool is_behind(const std::size_t (&times)[most_threads]) {
  const auto& me = *rl::ctx().threadx_;
  for (std::size_t i = 0; i < threads; ++i) {
    if (me.acq_rel_order_[i] < times[i]) return true;
  }
  return false;
}

void race(const char* what) { rl::ctx().fail_test(what, rl::test_result_data_race, $); }

void note(std::size_t (&times)[most_threads]) {
  auto& me = *rl::ctx().threadx_;
  times[me.index_] = ++me.own_acq_rel_order_;
}

void note_atomic(std::size_t cell, std::size_t size, bool write) {
  for (std::size_t i = cell; i < cell + size / cell_size; ++i) {
    if (is_behind(clocks[i].plain_write)) race("an atomic access races with a plain store");
    if (write && is_behind(clocks[i].plain_read)) race("an atomic store races with a plain load");
    note(clocks[i].atomic_read);
    if (write) note(clocks[i].atomic_write);
  }
}

Site site_of(const void* at, Operation operation, std::uint64_t value) {
  Site site;
  site.call = doing[rl::ctx().threadx_->index_];
  site.operation = operation;
  const std::size_t offset = static_cast<std::size_t>(static_cast<const std::byte*>(at) - memory);
  if (offset < 2 * wire::oieb_v2_size) {
    site.response_block = offset >= wire::oieb_v2_size;
    switch (offset % wire::oieb_v2_size) {
      case wire::oieb_v2_identity_offset:
        site.field = Field::identity;
        break;
      case wire::oieb_v2_metadata_free_bytes_offset:
        site.field = Field::metadata_free;
        break;
      case wire::oieb_v2_metadata_written_bytes_offset:
        site.field = Field::metadata_written;
        break;
      case wire::oieb_v2_payload_free_bytes_offset:
        site.field = Field::free_bytes;
        break;
      case wire::oieb_v2_payload_written_bytes_offset:
        site.field = Field::written_bytes;
        break;
      case wire::oieb_v2_payload_written_count_offset:
        site.field = Field::written_count;
        break;
      case wire::oieb_v2_payload_read_count_offset:
        site.field = Field::read_count;
        break;
      case wire::oieb_v2_writer_pid_offset:
        site.field = Field::writer_pid;
        break;
      case wire::oieb_v2_reader_pid_offset:
        site.field = Field::reader_pid;
        break;
      default:
        site.field = Field::other;
    }
  } else {
    const std::size_t in_header = offset % wire::block_alignment;
    site.field = in_header == wire::frame_header_v2_state_offset   ? Field::state
                 : in_header == wire::frame_header_v2_flags_offset ? Field::flags
                                                                   : Field::other;
    if (site.field == Field::state && operation != Operation::load) site.value = static_cast<std::uint32_t>(value);
  }
  return site;
}

Word& checked_word(const void* at) {
  const std::size_t cell = cell_of(at);
  if (!has_word[cell]) fail("an atomic operation on what is no word of the protocol");
  return word_at(cell);
}

rl::memory_order relacy(Order order) {
  switch (order) {
    case Order::relaxed:
      return rl::mo_relaxed;
    case Order::acquire:
      return rl::mo_acquire;
    case Order::release:
      return rl::mo_release;
    case Order::acq_rel:
      return rl::mo_acq_rel;
    case Order::seq_cst:
      break;
  }
  return rl::mo_seq_cst;
}

void make_words() {
  const auto make = [](std::size_t offset) {
    const std::size_t cell = offset / cell_size;
    has_word[cell] = true;
    ::new (word_storage[cell]) Word();
    word_at(cell).store(0, rl::mo_relaxed, $);
  };
  std::memset(memory, 0, sizeof memory);
  std::memset(has_word, 0, sizeof has_word);
  std::memset(clocks, 0, sizeof clocks);
  std::memset(doing, 0, sizeof doing);
  pendings = 0;
  for (std::size_t block = 0; block < 2; ++block) {
    for (std::size_t field = 0; field < wire::oieb_v2_size; field += 8) make(block * wire::oieb_v2_size + field);
  }
  for (std::size_t header = 3 * wire::block_alignment; header < memory_size; header += wire::block_alignment) {
    make(header + wire::frame_header_v2_state_offset);
    make(header + wire::frame_header_v2_flags_offset);
  }
  for (auto& storage : semaphore_storage) {
    ::new (storage) Word();
    reinterpret_cast<Word*>(storage)->store(0, rl::mo_relaxed, $);
  }
}

void unmake_words() {
  for (std::size_t i = 0; i < cells; ++i) {
    if (has_word[i]) word_at(i).~Word();
  }
  for (auto& storage : semaphore_storage) reinterpret_cast<Word*>(storage)->~Word();
}

const Scenario* current;

template <rl::thread_id_t n>
struct Suite : rl::test_suite<Suite<n>, n> {
  void before() {
    make_words();
    current->before();
    settle();
  }
  void thread(unsigned index) {
    current->run(index);
    settle();
  }
  void after() {
    current->after();
    unmake_words();
  }
};

}  // namespace

std::uint64_t atomic_load(const void* at, std::size_t size, Order order) {
  settle();
  Word& word = checked_word(at);
  const std::uint64_t value = word.load(relacy(order_of(site_of(at, Operation::load, 0), order)), $);
  note_atomic(cell_of(at), size, false);
  return value;
}

void atomic_store(void* at, std::size_t size, std::uint64_t value, Order order) {
  settle();
  checked_word(at).store(value, relacy(order_of(site_of(at, Operation::store, value), order)), $);
  write_memory(cell_of(at), size, value);
  note_atomic(cell_of(at), size, true);
}

bool atomic_swap(void* at, std::size_t size, std::uint64_t& expected, std::uint64_t desired, Order order, Order) {
  settle();
  // Relacy has the failure's order follow from the success's.
  const bool swapped = checked_word(at).compare_exchange_strong(expected, desired,
                                                                relacy(order_of(site_of(at, Operation::swap, desired), order)), $);
  if (swapped) write_memory(cell_of(at), size, desired);
  note_atomic(cell_of(at), size, swapped);
  return swapped;
}

std::uint64_t atomic_or(void* at, std::size_t size, std::uint64_t bits, Order order) {
  settle();
  const std::uint64_t before = checked_word(at).fetch_or(bits, relacy(order_of(site_of(at, Operation::fetch_or, 0), order)), $);
  write_memory(cell_of(at), size, before | bits);
  note_atomic(cell_of(at), size, true);
  return before;
}

void fence(Order order) {
  settle();
  Site site;
  site.call = doing[rl::ctx().threadx_->index_];
  site.operation = Operation::fence;
  static_cast<void>(order_of(site, order));
  if (!is_left_out(site)) rl::atomic_thread_fence(relacy(order), $);
}

void plain_access(const void* at, std::size_t size, bool write) {
  settle();
  const std::size_t first = cell_of(at);
  const std::size_t end = cell_of(static_cast<const std::byte*>(at) + size - 1) + 1;
  for (std::size_t i = first; i < end; ++i) {
    if (is_behind(clocks[i].plain_write) || is_behind(clocks[i].atomic_write))
      race(write ? "two stores race" : "a load races with a store");
    if (write && (is_behind(clocks[i].plain_read) || is_behind(clocks[i].atomic_read))) race("a store races with a load");
    note(write ? clocks[i].plain_write : clocks[i].plain_read);
    if (write && has_word[i]) pending[pendings++] = {i, word_size(i), true};
  }
}

void peek(const void* at, std::size_t size) {
  settle();
  const std::size_t cell = cell_of(at);
  const std::uint64_t value = checked_word(at).load(rl::mo_relaxed, $);
  write_memory(cell, size, value);
  pending[pendings++] = {cell, size, false};
}

bool is_zero(Semaphore semaphore) {
  settle();
  return semaphore_word(semaphore).load(rl::mo_relaxed, $) == 0;
}

void post(Semaphore semaphore) {
  settle();
  Word& word = semaphore_word(semaphore);
  word.fetch_add(1, rl::mo_release, $);
  word.wake(rl::ctx(), 1, $);
}

void wait(Semaphore semaphore) {
  settle();
  Word& word = semaphore_word(semaphore);
  for (;;) {
    std::uint64_t value = 1;
    if (word.compare_exchange_strong(value, 0, rl::mo_acquire, $)) return;
    if (value > 1) {
      if (word.compare_exchange_strong(value, value - 1, rl::mo_acquire, $)) return;
      continue;
    }
    word.wait(rl::ctx(), false, false, $);  // nothing came between the look and this
  }
}

void pause() {
  settle();
  rl::yield(1, $);
}

void fail(const char* why) {
  rl::ctx().fail_test(why, rl::test_result_user_assert_failed, $);
  __builtin_trap();
}

Doing::Doing(Call call) {
  Call& now = doing[rl::ctx().threadx_->index_];
  before_ = now;
  now = call;
}

Doing::~Doing() { doing[rl::ctx().threadx_->index_] = before_; }

Outcome simulate(const Scenario& scenario, std::uint64_t iterations) {
  static std::string why;
  std::ostringstream printed;
  rl::test_params params;
  params.iteration_count = iterations;
  params.output_stream = &printed;
  params.progress_stream = &printed;
  params.search_type = rl::random_scheduler_type;
  params.execution_depth_limit = 4000;
  params.output_history = true;  // or Relacy would run a failure once more to collect it
  current = &scenario;
  threads = scenario.threads;
  const bool passed = threads == 2 ? rl::simulate<Suite<2>>(params) : rl::simulate<Suite<3>>(params);
  std::cout << printed.str();
  why = passed ? "" : rl::test_result_str(params.test_result);
  return {params.stop_iteration, !passed, why.c_str()};
}

}  // namespace verify
