// Sends frames of random sizes from one thread, receives in another and checks every byte.
//
//   stress-client --name N [--count C] [--inflight M] [--min A] [--max B] [--seed S] [--wait spin|hybrid|block] [--delay-max US]
//                 [--grow-max G] [--fail-every F] [--one-way-every O] [--reconnects R] [--idle MS]
//                 [--connect-timeout MS]
//
// At the end prints one line of JSON; an error ends it with exit code 1 instead.

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include <zeroduplex/zeroduplex.hpp>

#include "common/program.hpp"
#include "pattern.hpp"

namespace {

struct Options {
  explicit Options(examples::Flags flags)
      : name(flags.text("name")),
        count(flags.number<std::uint64_t>("count", 1000, 1)),
        inflight(flags.number<std::size_t>("inflight", 1, 1)),
        min(flags.number<std::size_t>("min", 64, 0)),
        max(flags.number<std::size_t>("max", 64, min)),
        seed(flags.number<std::uint64_t>("seed", 1, 0)),
        delay_max(flags.number<std::uint32_t>("delay-max", 0, 0, stress::delay_mask)),
        grow_max(flags.number<std::size_t>("grow-max", 0, 0)),
        fail_every(flags.number<std::uint64_t>("fail-every", 0, 0)),
        one_way_every(flags.number<std::uint64_t>("one-way-every", 0, 0)),
        reconnects(flags.number<int>("reconnects", 1, 1)),
        idle(flags.number<int>("idle", 0, 0)) {
    client.wait = flags.wait();
    const auto connect = std::chrono::duration_cast<std::chrono::milliseconds>(client.connect_timeout);
    client.connect_timeout = std::chrono::milliseconds(flags.number<int>("connect-timeout", static_cast<int>(connect.count()), 0));
    flags.finish();
  }

  [[nodiscard]] bool fails(std::uint64_t n) const { return fail_every > 0 && n % fail_every == 0; }
  [[nodiscard]] bool is_one_way(std::uint64_t n) const { return one_way_every > 0 && n % one_way_every == 0 && !fails(n); }

  std::string name;
  std::uint64_t count;
  std::size_t inflight;
  std::size_t min, max;
  std::uint64_t seed;
  std::uint32_t delay_max;
  std::size_t grow_max;
  std::uint64_t fail_every, one_way_every;
  int reconnects;
  std::chrono::milliseconds idle;
  zeroduplex::ClientOptions client;
};

struct Result {
  std::uint64_t round_trips = 0, failed = 0, one_way = 0, out_of_order = 0;
  int attachments = 0;
};

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

/// One connection with its sender and its receiver.
class Attachment {
 public:
  Attachment(const Options& o, std::mt19937_64& random, Result& result)
      : o_(o),
        random_(random),
        result_(result),
        client_(zeroduplex::DuplexChannelFactory::getInstance().createClient(o.name, o.client)) {}

  void exchange() {
    {
      std::jthread receiver([&] { guarded([&] { receive_all(); }); });
      guarded([&] {
        for (std::uint64_t n = 1; n <= o_.count; ++n) send(n);
      });
    }
    if (error_) std::rethrow_exception(error_);
  }

  /// Waits for a response that nobody sends.
  void wait_for_nothing() {
    std::cout << "idle" << std::endl;
    try {
      const auto response = client_->receiveResponse(o_.idle);
      fail("response " + std::to_string(response.sequence()) + " came, though nothing was asked");
    } catch (const zeroduplex::TimeoutError&) {
    }
  }

 private:
  struct Expectation {
    std::size_t size;
    bool failed;
  };

  /// Runs one side. Its error ends the other side too, whose own error is then no news.
  template <typename Side>
  void guarded(Side side) {
    try {
      side();
    } catch (...) {
      {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
        room_.notify_all();
      }
      client_->close();
    }
  }

  std::size_t up_to(std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random_); }

  void send(std::uint64_t n) {
    const std::size_t size = o_.min + up_to(o_.max - o_.min);
    std::size_t capacity = 0;
    Expectation expect{size, o_.fails(n)};
    auto opcode = static_cast<std::uint32_t>(up_to(o_.delay_max));
    if (expect.failed) {
      opcode |= stress::opcode_fail;
      capacity = std::max<std::size_t>(size, 64);  // room for the message
    } else if (o_.grow_max > 0) {
      opcode |= stress::opcode_grow;
      capacity = size + up_to(o_.grow_max);
      expect.size = (capacity + 63) / 64 * 64;
    }
    const bool one_way = o_.is_one_way(n);
    if (!one_way) {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [this] { return error_ || expected_.size() < o_.inflight; });
      if (error_) fail("the receiver has failed");
      expected_[n] = expect;  // before the commit: the answer may be faster than we are
    } else {
      ++result_.one_way;
    }
    auto buffer = client_->acquireRequestBuffer(size, capacity);
    stress::fill(buffer.data(), n, 0, 0);
    buffer.setOpcode(opcode);
    buffer.setOneWay(one_way);
    const std::uint64_t sequence = buffer.commit();
    if (sequence != n) fail("commit gave frame " + std::to_string(n) + " the sequence number " + std::to_string(sequence));
  }

  void receive_all() {
    std::uint64_t highest = 0;
    for (std::uint64_t n = 1; n <= o_.count; ++n) {
      if (o_.is_one_way(n)) continue;
      const std::uint64_t sequence = receive();
      if (sequence < highest) ++result_.out_of_order;
      highest = std::max(highest, sequence);
    }
  }

  /// Takes the next answer, whichever it is, and checks it.
  std::uint64_t receive() {
    try {
      const auto response = client_->receiveResponse();
      const std::uint64_t n = response.sequence();
      const Expectation expect = take_expectation(n);
      if (expect.failed) fail("frame " + std::to_string(n) + " was answered, it should have failed");
      if (response.size() != expect.size) {
        fail("response " + std::to_string(n) + " has " + std::to_string(response.size()) + " bytes, expected " +
             std::to_string(expect.size));
      }
      if (const auto i = stress::mismatch(response.data(), n, stress::answer_mask)) {
        fail("byte " + std::to_string(*i) + " of response " + std::to_string(n) + " is wrong");
      }
      ++result_.round_trips;
      return n;
    } catch (const zeroduplex::HandlerFailedError& e) {
      const std::uint64_t n = e.sequence();
      if (!take_expectation(n).failed || e.status() != stress::status_asked ||
          e.message() != "stress failure " + std::to_string(n)) {
        throw;
      }
      ++result_.failed;
      return n;
    }
  }

  /// Each may be asked for once: an answer that comes twice is an error.
  Expectation take_expectation(std::uint64_t n) {
    const std::lock_guard lock(mutex_);
    auto node = expected_.extract(n);
    if (!node) fail("an answer came to frame " + std::to_string(n) + ", which is not on its way");
    room_.notify_one();
    return node.mapped();
  }

  const Options& o_;
  std::mt19937_64& random_;
  Result& result_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::exception_ptr error_;
  std::map<std::uint64_t, Expectation> expected_;
  std::unique_ptr<zeroduplex::IDuplexClient> client_;
};

void run(const Options& o) {
  std::mt19937_64 random(o.seed);
  Result result;
  while (result.attachments < o.reconnects) {
    Attachment attachment(o, random, result);
    attachment.exchange();
    ++result.attachments;
    if (result.attachments == o.reconnects && o.idle.count() > 0) attachment.wait_for_nothing();
  }
  std::cout << "{\"round_trips\":" << result.round_trips << ",\"failed\":" << result.failed << ",\"one_way\":" << result.one_way
            << ",\"out_of_order\":" << result.out_of_order << ",\"attachments\":" << result.attachments << ",\"errors\":0}\n";
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("stress-client", [&] { run(Options(examples::Flags(argc, argv))); });
}
