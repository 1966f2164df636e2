#pragma once

#include <sched.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>

#include <zeroduplex/zeroduplex.hpp>

#include "bench_work.hpp"
#include "common/flags.hpp"

namespace bench {

/// What both sides of a measurement are told.
struct PeerOptions {
  explicit PeerOptions(examples::Flags& flags)
      : name(flags.text("name")),
        size(flags.number<std::size_t>("size", 64, 0)),
        inflight(flags.number<std::size_t>("inflight", 1, 1)),
        cpu(flags.number<int>("cpu", -1, -1, CPU_SETSIZE - 1)),
        limit_object(flags.text("limit-object")),
        touch(parse_touch(flags.text("touch", "none"))) {
    wait = flags.wait();
  }

  /// Room for the frames in flight and one more; the same in every language.
  [[nodiscard]] zeroduplex::BufferConfig room() const {
    constexpr std::uint64_t block = 64;
    return {0, (inflight + 1) * (block + (size + block - 1) / block * block)};
  }

  std::string name;
  std::size_t size;
  std::size_t inflight;
  int cpu;
  std::string limit_object;
  Touch touch;
  zeroduplex::WaitStrategy wait = zeroduplex::WaitStrategy::hybrid;
};

/// Binds this thread, and those that it starts, to one CPU; -1 for any.
inline void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    throw std::system_error(errno, std::generic_category(), "pinning to CPU " + std::to_string(cpu));
  }
}

}  // namespace bench
