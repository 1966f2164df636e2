#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <vector>

#include "bench_clock.hpp"
#include "options.hpp"

namespace peer {

/// Measures a client: send(n) fills and sends frame n, counted from 1, and receive(n) awaits and checks its response, the oldest
/// one.
template <typename Client>
class Measurement {
 public:
  Measurement(const Options& o, Client& client) : o_(o), client_(client) { samples_.reserve(std::max(o.count, o.warmup)); }

  void run() {
    block(o_.warmup);
    samples_.clear();
    const std::int64_t begin = clock_.now();
    block(o_.count);
    elapsed_ = clock_.now() - begin;
  }

  void print(std::ostream& out) {
    std::sort(samples_.begin(), samples_.end());
    const auto percentile = [this](double q) {
      return samples_[std::min(samples_.size() - 1, static_cast<std::size_t>(static_cast<double>(samples_.size()) * q))];
    };
    out << "{\"p50_ns\":" << percentile(0.50) << ",\"p99_ns\":" << percentile(0.99) << ",\"p999_ns\":" << percentile(0.999)
        << ",\"samples\":" << samples_.size() << ",\"cpu\":" << o_.cpu << ",\"clock_ns\":" << clock_.cost()
        << ",\"limit_p50_ns\":0,\"elapsed_ns\":" << elapsed_ << "}\n";
  }

 private:
  void block(std::size_t frames) {
    if (o_.inflight == 1) {
      round_trips(frames);
    } else {
      pipelined(frames);
    }
  }

  /// Sends a frame only when the one before it is back. Consecutive samples share a clock reading.
  void round_trips(std::size_t frames) {
    std::int64_t before = clock_.now();
    for (; frames > 0; --frames) {
      client_.send(next_);
      client_.receive(next_++);
      const std::int64_t now = clock_.now();
      samples_.push_back(clock_.sample(before, now));
      before = now;
    }
  }

  /// Keeps several frames on their way and receives the oldest first.
  void pipelined(std::size_t frames) {
    std::vector<std::int64_t> sent_at(o_.inflight);
    const std::uint64_t end = next_ + frames;
    for (std::uint64_t oldest = next_; oldest < end; ++oldest) {
      for (; next_ < end && next_ < oldest + o_.inflight; ++next_) {
        sent_at[next_ % o_.inflight] = clock_.now();
        client_.send(next_);
      }
      client_.receive(oldest);
      samples_.push_back(clock_.sample(sent_at[oldest % o_.inflight], clock_.now()));
    }
  }

  const Options& o_;
  Client& client_;
  bench::Clock clock_;
  std::uint64_t next_ = 1;
  std::int64_t elapsed_ = 0;
  std::vector<std::int64_t> samples_;
};

}  // namespace peer
