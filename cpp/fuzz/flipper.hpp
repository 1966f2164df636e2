#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "program.hpp"

namespace zeroduplex::fuzz {

/// A peer that changes a word again and again while operations read it.
class Flipper {
 public:
  Flipper() : thread_([this] { run(); }) {}
  Flipper(const Flipper&) = delete;
  Flipper& operator=(const Flipper&) = delete;
  ~Flipper() {
    stop();
    order_.store(Order::end);
    order_.notify_one();
    thread_.join();
  }

  /// Makes the word change between two values until stop().
  void start(Word word, std::uint64_t one, std::uint64_t other) {
    stop();
    word_ = word;
    one_ = one;
    other_ = other;
    order_.store(Order::flip);
    order_.notify_one();
    running_ = true;
  }

  /// Returns when nothing is written any more.
  void stop() {
    if (!running_) return;
    order_.store(Order::rest);
    while (busy_.load() || order_.load() == Order::flip) std::this_thread::yield();
    running_ = false;
  }

  [[nodiscard]] std::uint64_t flips() const noexcept { return flips_.load(); }

 private:
  enum class Order : std::uint8_t { rest, flip, end };

  void run() {
    for (;;) {
      order_.wait(Order::rest);
      // Busy before the order is looked at again: stop() takes the order back and then waits for this to go down.
      busy_.store(true);
      if (order_.load() == Order::end) return;
      std::uint64_t flips = 0;
      while (order_.load() == Order::flip) word_.store(++flips % 2 == 0 ? one_ : other_);
      flips_.fetch_add(flips);
      busy_.store(false);
    }
  }

  Word word_{nullptr, 8};
  std::uint64_t one_ = 0;
  std::uint64_t other_ = 0;
  bool running_ = false;
  std::atomic<Order> order_{Order::rest};
  std::atomic<bool> busy_{false};
  std::atomic<std::uint64_t> flips_{0};
  std::thread thread_;
};

}  // namespace zeroduplex::fuzz
