#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace zeroduplex::detail {

/// Names the requests that a dead server leaves unanswered, for the ServerDeadError.
class LostRequests {
 public:
  void add(std::uint64_t sequence) {
    constexpr std::size_t most_named = 16;
    if (++count_ <= most_named) names_ += (names_.empty() ? "" : ", ") + std::to_string(sequence);
    if (count_ > most_named) more_ = " and " + std::to_string(count_ - most_named) + " more";
  }
  [[nodiscard]] std::string text() const { return count_ == 0 ? "; no request is lost" : "; lost requests: " + names_ + more_; }

 private:
  std::size_t count_ = 0;
  std::string names_;
  std::string more_;
};

}  // namespace zeroduplex::detail
