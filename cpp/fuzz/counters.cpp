// Prints at the end of a run by libFuzzer what the target did, as our own driver does.

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "target.hpp"

namespace {

void print_counters() {
  const char* separator = "counted";
  for (const zeroduplex::fuzz::Counter* counter : zeroduplex::fuzz::Counter::all()) {
    std::fprintf(stderr, "%s %s %" PRIu64, separator, counter->name(), counter->count());
    separator = ",";
  }
  std::fputs("\n", stderr);
}

[[maybe_unused]] const int registered = std::atexit(print_counters);

}  // namespace
