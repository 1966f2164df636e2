#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench_clock.hpp"
#include "bench_usage.hpp"

/// What the benchmark's driver, its clients and its servers agree on, in every language. The limit of the machine is one cache line
/// bounced between the same two threads that exchange frames: the client asks for `ask_line` and sends a frame, the server's
/// handler and the client then bounce the ball, and the frame is answered. The ball lives in a control file that the driver makes:
///
///   0x000  u64  magic   "ZDBENCH1"
///   0x080  u64  rounds  written by the client before it asks
///   0x088  u64  asked   what the handler of the next frame is to do, 0 for its ordinary work; taken back after the answer
///   0x100  u64  ball    alone on its cache lines and on those that the prefetcher pairs with it
///   0x180       the server's note, words of 64 bits: bytes allocated so far and one more, 0 where the language cannot tell, as
///   C++;
///               the CPU that the handler runs on and one more; CPU time in ns, minor and major page faults of the process so far
///   0x1A8  u64  memory  the server's share of the channel's memory in bytes, and one more; 0: it was not asked or cannot tell
///
///   client: ball = 0, rounds = n, send; for i = 1..n: store(release) ball = 2i-1, spin (acquire) until ball == 2i
///   server: read rounds once;           for i = 1..n: spin (acquire) until ball == 2i-1, store(release) ball = 2i
namespace bench {

inline constexpr std::size_t file_size = 4096;
inline constexpr std::uint64_t file_magic = 0x3148434E4542445A;
inline constexpr std::size_t rounds_offset = 0x080;
inline constexpr std::size_t ball_offset = 0x100;
inline constexpr std::size_t asked_offset = 0x088;
inline constexpr std::size_t note_offset = 0x180;
inline constexpr std::size_t memory_offset = 0x1A8;
inline constexpr std::uint64_t ask_nothing = 0;
inline constexpr std::uint64_t ask_line = 1;
inline constexpr std::uint64_t ask_semaphores = 2;  // a batch over semaphores: bench_semaphores.hpp
inline constexpr std::uint64_t ask_note = 3;        // the handler writes its note
inline constexpr std::uint64_t ask_memory = 4;      // the handler says how much of the channel's memory is its
inline constexpr std::uint64_t limit_rounds = 2000;
inline constexpr std::uint64_t limit_warmup = 100;
inline constexpr std::uint64_t max_rounds = 1'000'000;
inline constexpr std::size_t blocks = 20;

/// The mapped control file.
class Line {
 public:
  explicit Line(const std::string& path);
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line();

  /// Before a frame that asks for a limit batch is sent; publishing the frame makes this visible to the handler.
  void prepare(std::uint64_t rounds);
  /// The client's side. Appends one sample per round, less the cost of the clock, without the first limit_warmup.
  void serve(std::uint64_t rounds, const Clock& clock, std::vector<std::int64_t>& samples);
  /// The server's side, run by the handler.
  void bounce_back();

  /// How many rounds the client wants, read once.
  [[nodiscard]] std::uint64_t asked_for() const;

  /// What the handler of the next frame is to do; publishing the frame makes it visible.
  void ask(std::uint64_t what);
  [[nodiscard]] std::uint64_t asked() const { return word(asked_offset).load(std::memory_order_relaxed); }

  /// The server's side of ask_note; its answer to the frame makes it visible to the client.
  void write_note(const Note& note);
  [[nodiscard]] Note read_note() const;
  /// The server's side of ask_memory.
  void write_memory(std::int64_t bytes);
  /// Nothing: the server has not said.
  [[nodiscard]] std::optional<std::int64_t> read_memory() const;

 private:
  std::atomic_ref<std::uint64_t> word(std::size_t offset) const;
  void await(std::uint64_t value) const;

  std::byte* memory_;
};

}  // namespace bench
