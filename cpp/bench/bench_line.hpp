#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench_clock.hpp"

/// What the benchmark's driver, its clients and its servers agree on, in every language. The limit of the machine is one cache line
/// bounced between the same two threads that exchange frames: the client sends a frame with `opcode_limit`, the server's handler
/// and the client then bounce the ball, and the frame is answered. The ball lives in a control file that the driver makes:
///
///   0x000  u64  magic   "ZDBENCH1"
///   0x080  u64  rounds  written by the client before it sends the frame
///   0x100  u64  ball    alone on its cache lines and on those that the prefetcher pairs with it
///
///   client: ball = 0, rounds = n, send; for i = 1..n: store(release) ball = 2i-1, spin (acquire) until ball == 2i
///   server: read rounds once;           for i = 1..n: spin (acquire) until ball == 2i-1, store(release) ball = 2i
namespace bench {

inline constexpr std::size_t file_size = 4096;
inline constexpr std::uint64_t file_magic = 0x3148434E4542445A;
inline constexpr std::size_t rounds_offset = 0x080;
inline constexpr std::size_t ball_offset = 0x100;
inline constexpr std::uint32_t opcode_limit = 1;
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

  /// Before the frame with opcode_limit is sent; publishing the frame makes this visible to the handler.
  void prepare(std::uint64_t rounds);
  /// The client's side. Appends one sample per round, less the cost of the clock, without the first limit_warmup.
  void serve(std::uint64_t rounds, const Clock& clock, std::vector<std::int64_t>& samples);
  /// The server's side, run by the handler.
  void bounce_back();

 private:
  std::atomic_ref<std::uint64_t> word(std::size_t offset) const;
  void await(std::uint64_t value) const;

  std::byte* memory_;
};

}  // namespace bench
