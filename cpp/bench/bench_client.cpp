// The measuring side of a measurement; `zeroduplex bench` starts it.
//
//   bench-client --name N --size B --count K --warmup W --inflight M --wait spin|hybrid|block --cpu C --limit-object PATH
//                [--touch none|fill|page|all] [--threads-cpu T] [--limits none|line|semaphore|line,semaphore]
//
// Prints one line of JSON.

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <span>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "bench_clock.hpp"
#include "bench_copies.hpp"
#include "bench_line.hpp"
#include "bench_peer.hpp"
#include "bench_semaphores.hpp"
#include "bench_threads.hpp"
#include "bench_usage.hpp"
#include "common/percentile.hpp"
#include "common/program.hpp"

namespace {

struct Options : bench::PeerOptions {
  explicit Options(examples::Flags& flags)
      : PeerOptions(flags),
        count(flags.number<std::size_t>("count", 1000, 1)),
        warmup(flags.number<std::size_t>("warmup", 100, 0)),
        threads_cpu(flags.number<int>("threads-cpu", -1, -1, CPU_SETSIZE - 1)) {
    const std::string limits = flags.text("limits", "line");
    line_limit = limits == "line" || limits == "line,semaphore";
    semaphore_limit = limits == "semaphore" || limits == "line,semaphore";
    if (!line_limit && !semaphore_limit && limits != "none")
      throw examples::UsageError("--limits: " + limits + " is neither line nor semaphore");
  }
  std::size_t count;
  std::size_t warmup;
  int threads_cpu;  // where the helper thread runs that the same work is measured with; -1 not to
  bool line_limit;
  bool semaphore_limit;
};

class Measurement {
 public:
  explicit Measurement(const Options& o) : o_(o), line_(o.limit_object), semaphores_(o.limit_object), copies_(o.size) {
    zeroduplex::ClientOptions options;
    options.wait = o.wait;
    options.response_config = o.room();
    client_ = zeroduplex::DuplexChannelFactory::getInstance().createClient(o.name, options);
    dual_ = dynamic_cast<zeroduplex::DualBufferDuplexChannel*>(client_.get()) != nullptr;
    if (o.threads_cpu >= 0) threads_ = std::make_unique<bench::Threads>(o.size, o.threads_cpu, o.touch);
    samples_.resize(std::max(o.count, o.warmup));  // their first use must cause no page faults later
    samples_.clear();
    line_samples_.reserve(bench::blocks * bench::limit_rounds);
    semaphore_samples_.reserve(bench::blocks * bench::semaphore_rounds);
  }

  /// Alternates between a block of frames, the raw limits and a block of the same work between threads.
  void run() {
    block(o_.warmup);
    samples_.clear();
    const std::size_t blocks = std::min(bench::blocks, o_.count);
    for (std::size_t i = 0; i < blocks; ++i) {
      const std::size_t frames = o_.count * (i + 1) / blocks - o_.count * i / blocks;
      counted(frames);
      limit_batches();
      copies_.batch(clock_);
      if (threads_) threads_->block(frames + 1, clock_, thread_samples_);
    }
    own_.set_shared(bench::shared_memory(o_.name));
    ask(bench::ask_memory, [] {});
    server_.set_shared(line_.read_memory());
  }

  void print(std::ostream& out) {
    using examples::percentile;
    out << "{\"p50_ns\":" << percentile(samples_, 0.50) << ",\"p99_ns\":" << percentile(samples_, 0.99)
        << ",\"p999_ns\":" << percentile(samples_, 0.999) << ",\"samples\":" << samples_.size() << ",\"elapsed_ns\":" << elapsed_
        << ",\"limit_p50_ns\":" << percentile(line_samples_, 0.50)
        << ",\"limit_semaphore_p50_ns\":" << percentile(semaphore_samples_, 0.50)
        << ",\"memcpy_p50_ns\":" << percentile(copies_.samples, 0.50) << ",\"cpu\":" << o_.cpu << ",\"clock_ns\":" << clock_.cost()
        << ",\"threads_p50_ns\":" << percentile(thread_samples_, 0.50)
        << ",\"threads_p99_ns\":" << percentile(thread_samples_, 0.99) << ",\"copied_bytes\":" << copied() << ",\"client\":";
    own_.print(out);
    out << ",\"server\":";
    server_.print(out);
    out << "}\n";
  }

 private:
  /// Small frames are copied in by the call that sends them; that is cheaper than the two more calls of filling them in place.
  [[nodiscard]] bool is_small() const { return o_.size <= small_.size() && o_.touch == bench::Touch::none; }

  /// What the SDK copies per frame: small requests, and a v1 server every request into its response's place.
  [[nodiscard]] std::size_t copied() const { return (is_small() ? o_.size : 0) + (dual_ ? o_.size : 0); }

  /// A block during which time and what both processes use up are counted.
  void counted(std::size_t frames) {
    const bench::Note server = server_note();
    const bench::Note own = bench::note_of_self();
    const std::int64_t began = clock_.now();
    block(frames);
    elapsed_ += clock_.now() - began;
    own_.add(own, bench::note_of_self());
    server_.add(server, server_note());
  }

  bench::Note server_note() {
    ask(bench::ask_note, [] {});
    return line_.read_note();
  }

  void block(std::size_t frames) {
    if (o_.inflight > 1) {
      pipelined(frames);
    } else if (is_small()) {
      round_trips(frames, [this] { call(); });
    } else {
      round_trips(frames, [this] { receive(send()); });
    }
  }

  /// Sends a frame only when the one before it is back. Consecutive samples share a clock reading.
  template <typename Exchange>
  void round_trips(std::size_t frames, Exchange exchange) {
    std::int64_t before = clock_.now();
    for (; frames > 0; --frames) {
      exchange();
      const std::int64_t now = clock_.now();
      samples_.push_back(clock_.sample(before, now));
      before = now;
    }
  }

  void call() {
    const std::span<std::byte> data = std::span(small_).first(o_.size);
    const std::uint64_t n = next_++;
    bench::fill(data, n, o_.touch);
    const auto response = client_->call(data);
    bench::check(response.data(), n, o_.touch, o_.size);
  }

  /// Keeps several frames on their way and receives the oldest first. A frame is sent when the one before it was received, so the
  /// two share a clock reading.
  void pipelined(std::size_t frames) {
    struct Sent {
      std::uint64_t sequence;
      std::int64_t at;
    };
    std::vector<Sent> underway(o_.inflight);  // a ring: frame i at i % inflight
    std::size_t first = 0;
    std::size_t last = 0;
    std::int64_t now = clock_.now();
    while (frames > 0 || first < last) {
      for (; frames > 0 && last - first < o_.inflight; --frames) underway[last++ % o_.inflight] = {send(), now};
      const Sent oldest = underway[first++ % o_.inflight];
      receive(oldest.sequence);
      now = clock_.now();
      samples_.push_back(clock_.sample(oldest.at, now));
    }
  }

  std::uint64_t send() {
    if (is_small()) {
      const std::span<std::byte> data = std::span(small_).first(o_.size);
      bench::fill(data, next_++, o_.touch);
      return client_->sendRequest(data);
    }
    auto buffer = client_->acquireRequestBuffer(o_.size);
    bench::fill(buffer.data(), next_++, o_.touch);
    return buffer.commit();
  }

  void receive(std::uint64_t sequence) {
    const auto response = client_->receiveResponse(sequence, timeout);
    bench::check(response.data(), sequence, o_.touch, o_.size);
  }

  void limit_batches() {
    if (o_.line_limit) {
      line_.prepare(bench::limit_rounds);
      ask(bench::ask_line, [this] { line_.serve(bench::limit_rounds, clock_, line_samples_); });
    }
    if (o_.semaphore_limit) {
      line_.prepare(bench::semaphore_rounds);
      ask(bench::ask_semaphores, [this] { semaphores_.serve(bench::semaphore_rounds, clock_, semaphore_samples_); });
    }
  }

  /// Sends a frame that the server's handler does something else with, while we do our part. Nothing else is underway.
  template <typename Part>
  void ask(std::uint64_t what, Part part) {
    line_.ask(what);
    auto buffer = client_->acquireRequestBuffer(o_.size);
    ++next_;
    const std::uint64_t sequence = buffer.commit();
    part();
    client_->receiveResponse(sequence, timeout).release();
    line_.ask(bench::ask_nothing);
  }

  static constexpr std::chrono::seconds timeout{5};

  Options o_;
  bench::Line line_;
  bench::Semaphores semaphores_;
  bench::Clock clock_;
  bench::Copies copies_;
  bench::Usage own_;
  bench::Usage server_;
  std::unique_ptr<zeroduplex::IDuplexClient> client_;
  bool dual_ = false;  // a v1 channel
  std::unique_ptr<bench::Threads> threads_;
  std::array<std::byte, 4096> small_{};
  std::uint64_t next_ = 1;  // sequence number of the next frame, which is also what it is filled with
  std::int64_t elapsed_ = 0;
  std::vector<std::int64_t> samples_, line_samples_, semaphore_samples_, thread_samples_;
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
