#pragma once

#include <semaphore.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bench_clock.hpp"

namespace bench {

inline constexpr std::uint64_t semaphore_rounds = 500;
inline constexpr std::uint64_t semaphore_warmup = 25;

/// The limit where both sides sleep: the two threads post to each other through two named semaphores, which the driver makes beside
/// the control file.
///
///   client: rounds = n, send a frame that asks for them; n times: post "ping", wait for "pong"
///   server: read rounds once;                               n times: wait for "ping", post "pong"
class Semaphores {
 public:
  explicit Semaphores(const std::string& control);
  Semaphores(const Semaphores&) = delete;
  Semaphores& operator=(const Semaphores&) = delete;
  ~Semaphores();

  /// The client's side. Appends one sample per round, less the cost of the clock, without the first semaphore_warmup.
  void serve(std::uint64_t rounds, const Clock& clock, std::vector<std::int64_t>& samples);
  /// The server's side, run by the handler.
  void give_back(std::uint64_t rounds);

 private:
  ::sem_t* ping_;
  ::sem_t* pong_;
};

}  // namespace bench
