#pragma once

#include "common/signal.hpp"

namespace zeroduplex::detail {

/// First come, first served, for calls that need the same thing one after the other. Everything happens under its owner's mutex.
class TurnQueue {
 public:
  template <typename IsFree>
  class Place;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  /// To be called when what is queued for became free.
  void wake_first() noexcept {
    if (first_ != nullptr) first_->wake.notify();
  }
  void wake_all() noexcept {
    for (Turn* t = first_; t != nullptr; t = t->next) t->wake.notify();
  }

 private:
  struct Turn {
    Signal wake;
    Turn* next = nullptr;
  };

  Turn* first_ = nullptr;
  Turn* last_ = nullptr;
};

/// Stands in the queue while it lives. `is_free` says whether what is queued for can be had.
template <typename IsFree>
class TurnQueue::Place {
 public:
  Place(TurnQueue& queue, IsFree is_free) noexcept : queue_(queue), is_free_(is_free) {
    (queue_.first_ == nullptr ? queue_.first_ : queue_.last_->next) = &turn_;
    queue_.last_ = &turn_;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    Turn* before = nullptr;
    for (Turn* t = queue_.first_; t != &turn_; t = t->next) before = t;
    (before == nullptr ? queue_.first_ : before->next) = turn_.next;
    if (queue_.last_ == &turn_) queue_.last_ = before;
    if (is_free_()) queue_.wake_first();
  }

  [[nodiscard]] bool has_turn() const noexcept { return queue_.first_ == &turn_ && is_free_(); }
  [[nodiscard]] Signal& wake() noexcept { return turn_.wake; }

 private:
  TurnQueue& queue_;
  IsFree is_free_;
  Turn turn_;
};

}  // namespace zeroduplex::detail
