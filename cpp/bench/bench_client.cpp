// The measuring side of a measurement; `zeroduplex bench` starts it.
//
//   bench-client --name N --size B --count K --warmup W --inflight M --wait spin|hybrid|block --cpu C --limit-object PATH
//                [--touch none|page|all] [--threads-cpu T]
//
// Prints one line of JSON.

#include <algorithm>
#include <array>
#include <deque>
#include <iostream>
#include <memory>
#include <span>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "bench_clock.hpp"
#include "bench_line.hpp"
#include "bench_peer.hpp"
#include "bench_threads.hpp"
#include "common/percentile.hpp"
#include "common/program.hpp"

namespace {

struct Options : bench::PeerOptions {
  explicit Options(examples::Flags& flags)
      : PeerOptions(flags),
        count(flags.number<std::size_t>("count", 1000, 1)),
        warmup(flags.number<std::size_t>("warmup", 100, 0)),
        threads_cpu(flags.number<int>("threads-cpu", -1, -1, CPU_SETSIZE - 1)) {}
  std::size_t count;
  std::size_t warmup;
  int threads_cpu;  // where the helper thread runs that the same work is measured with; -1 not to
};

class Measurement {
 public:
  explicit Measurement(const Options& o) : o_(o), line_(o.limit_object) {
    zeroduplex::ClientOptions options;
    options.wait = o.wait;
    options.response_config = o.room();
    client_ = zeroduplex::DuplexChannelFactory::getInstance().createClient(o.name, options);
    if (o.threads_cpu >= 0) threads_ = std::make_unique<bench::Threads>(o.size, o.threads_cpu, o.touch);
    samples_.reserve(std::max(o.count, o.warmup));
    limit_.reserve(bench::blocks * bench::limit_rounds);
  }

  /// Alternates between a block of frames, a limit batch and a block of the same work between threads.
  void run() {
    block(o_.warmup);
    samples_.clear();
    const std::size_t blocks = std::min(bench::blocks, o_.count);
    for (std::size_t i = 0; i < blocks; ++i) {
      const std::size_t frames = o_.count * (i + 1) / blocks - o_.count * i / blocks;
      block(frames);
      limit_batch();
      if (threads_) threads_->block(frames, clock_, thread_samples_);
    }
  }

  void print(std::ostream& out) {
    using examples::percentile;
    out << "{\"p50_ns\":" << percentile(samples_, 0.50) << ",\"p99_ns\":" << percentile(samples_, 0.99)
        << ",\"samples\":" << samples_.size() << ",\"limit_p50_ns\":" << percentile(limit_, 0.50) << ",\"cpu\":" << o_.cpu
        << ",\"clock_ns\":" << clock_.cost() << ",\"threads_p50_ns\":" << percentile(thread_samples_, 0.50)
        << ",\"threads_p99_ns\":" << percentile(thread_samples_, 0.99) << "}\n";
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
      exchange();
      const std::int64_t now = clock_.now();
      samples_.push_back(clock_.sample(before, now));
      before = now;
    }
  }

  /// One round trip, the way an application makes it: small frames are copied by a call, larger ones are filled in place.
  void exchange() {
    if (o_.size > small_.size() || o_.touch != bench::Touch::none) return receive(send());
    const std::span<std::byte> data = std::span(small_).first(o_.size);
    bench::fill(data, next_++, o_.touch);
    client_->call(data).release();
  }

  /// Keeps several frames on their way and receives the oldest first.
  void pipelined(std::size_t frames) {
    struct Sent {
      std::uint64_t sequence;
      std::int64_t at;
    };
    std::deque<Sent> underway;
    while (frames > 0 || !underway.empty()) {
      for (; frames > 0 && underway.size() < o_.inflight; --frames) {
        const std::int64_t at = clock_.now();
        underway.push_back({send(), at});
      }
      receive(underway.front().sequence);
      samples_.push_back(clock_.sample(underway.front().at, clock_.now()));
      underway.pop_front();
    }
  }

  std::uint64_t send() {
    auto buffer = client_->acquireRequestBuffer(o_.size);
    bench::fill(buffer.data(), next_++, o_.touch);
    return buffer.commit();
  }

  void receive(std::uint64_t sequence) {
    const auto response = client_->receiveResponse(sequence, timeout);
    bench::check(response.data(), sequence, o_.touch);
  }

  /// A v1 request cannot ask for it, so there is no limit to compare with then.
  void limit_batch() {
    if (dynamic_cast<zeroduplex::DualBufferDuplexChannel*>(client_.get()) != nullptr) return;
    line_.prepare(bench::limit_rounds);
    auto buffer = client_->acquireRequestBuffer(o_.size);
    buffer.setOpcode(bench::opcode_limit);
    ++next_;
    const std::uint64_t sequence = buffer.commit();
    line_.serve(bench::limit_rounds, clock_, limit_);
    client_->receiveResponse(sequence, timeout).release();
  }

  static constexpr std::chrono::seconds timeout{5};

  Options o_;
  bench::Line line_;
  bench::Clock clock_;
  std::unique_ptr<zeroduplex::IDuplexClient> client_;
  std::unique_ptr<bench::Threads> threads_;
  std::array<std::byte, 4096>
      small_{};             // up to this size copying a frame is cheaper than the two more calls of filling it in place
  std::uint64_t next_ = 1;  // sequence number of the next frame, which is also what it is filled with
  std::vector<std::int64_t> samples_, limit_, thread_samples_;
};

void measure(examples::Flags flags) {
  const Options o(flags);
  flags.finish();
  bench::pin(o.cpu);
  Measurement measurement(o);
  measurement.run();
  measurement.print(std::cout);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("bench-client", [&] { measure(examples::Flags(argc, argv)); });
}
