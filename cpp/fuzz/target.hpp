#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/// What libFuzzer, or the driver, calls with every input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace zeroduplex::fuzz {

/// Counts how often a target did something, so that the driver can tell that it did something at all.
class Counter {
 public:
  explicit Counter(const char* name) : name_(name) { all().push_back(this); }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void operator++() noexcept { ++count_; }
  [[nodiscard]] const char* name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  /// Every counter of the program.
  static std::vector<Counter*>& all() {
    static std::vector<Counter*> counters;
    return counters;
  }

 private:
  const char* name_;
  std::uint64_t count_ = 0;
};

}  // namespace zeroduplex::fuzz
