#pragma once

#include <cstdint>
#include <span>

namespace verify {

/// A small piece of a channel's life, run over and over with other interleavings and other values read.
struct Scenario {
  const char* name;
  std::uint32_t threads;
  void (*before)();  // alone
  void (*run)(std::uint32_t thread);
  void (*after)();  // alone, releases what before() made
};

[[nodiscard]] std::span<const Scenario> scenarios();

struct Outcome {
  std::uint64_t iterations;
  bool failed;
  const char* why;  // empty: nothing was found
};

/// Runs a scenario that often, or until something is found.
[[nodiscard]] Outcome simulate(const Scenario& scenario, std::uint64_t iterations);

}  // namespace verify
