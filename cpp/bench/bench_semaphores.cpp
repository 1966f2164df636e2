#include "bench_semaphores.hpp"

#include <fcntl.h>
#include <time.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace bench {

namespace {

constexpr ::time_t stall_limit = 10;  // seconds

::sem_t* open(const std::string& control, const char* which) {
  std::string name("/");
  name += control.substr(control.rfind('/') + 1);
  name += which;
  ::sem_t* const semaphore = ::sem_open(name.c_str(), 0);
  if (semaphore == SEM_FAILED) throw std::system_error(errno, std::generic_category(), "opening the benchmark's semaphore " + name);
  return semaphore;
}

void post(::sem_t* semaphore) {
  if (::sem_post(semaphore) != 0) throw std::system_error(errno, std::generic_category(), "posting the benchmark's semaphore");
}

void wait(::sem_t* semaphore) {
  ::timespec until{};
  ::clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += stall_limit;
  while (::sem_clockwait(semaphore, CLOCK_MONOTONIC, &until) != 0) {
    if (errno != EINTR) throw std::runtime_error("the peer did not post its semaphore for 10 s");
  }
}

}  // namespace

Semaphores::Semaphores(const std::string& control) : ping_(open(control, "-ping")), pong_(SEM_FAILED) {
  try {
    pong_ = open(control, "-pong");
  } catch (...) {
    ::sem_close(ping_);
    throw;
  }
}

Semaphores::~Semaphores() {
  ::sem_close(ping_);
  ::sem_close(pong_);
}

void Semaphores::serve(std::uint64_t rounds, const Clock& clock, std::vector<std::int64_t>& samples) {
  std::int64_t before = clock.now();
  for (std::uint64_t i = 0; i < rounds; ++i) {
    post(ping_);
    wait(pong_);
    const std::int64_t now = clock.now();
    if (i >= semaphore_warmup) samples.push_back(clock.sample(before, now));
    before = now;
  }
}

void Semaphores::give_back(std::uint64_t rounds) {
  for (; rounds > 0; --rounds) {
    wait(ping_);
    post(pong_);
  }
}

}  // namespace bench
