#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "stream/read_ring.hpp"

namespace zeroduplex::detail {

/// A request that was sent and whose response is not over yet.
struct OutstandingRequest {
  enum class State : std::uint8_t { unanswered, answered, delivered, over };

  std::uint64_t sequence = 0;
  bool one_way = false;
  bool abandoned = false;
  bool claimed = false;  // somebody waits for it by number
  State state = State::unanswered;
  stream::TakenFrame response;  // from answered on

  /// Whether its response is to be dropped.
  [[nodiscard]] bool is_unwanted() const noexcept { return one_way || abandoned; }
  /// Whether a response may still be asked for.
  [[nodiscard]] bool is_open() const noexcept { return !is_unwanted() && (state == State::unanswered || state == State::answered); }
};

/// The requests of a v1 client, oldest first. The n-th response answers the n-th request: sequence numbers of responses are the
/// server's own.
class OutstandingRequests {
 public:
  using State = OutstandingRequest::State;

  /// Of a request that is about to be sent, with the next sequence number.
  OutstandingRequest& add(bool one_way, bool claimed) {
    requests_.push_back({.sequence = first_ + requests_.size(), .one_way = one_way, .claimed = claimed, .response = {}});
    if (one_way) ++unwanted_;
    return requests_.back();
  }
  /// It was not sent after all.
  void take_back() noexcept {
    if (requests_.back().one_way) --unwanted_;
    requests_.pop_back();
  }

  [[nodiscard]] OutstandingRequest* find(std::uint64_t sequence) noexcept {
    return sequence < first_ || sequence - first_ >= requests_.size() ? nullptr : &requests_[sequence - first_];
  }
  /// The one that the next response answers, if there is any.
  [[nodiscard]] OutstandingRequest* next_unanswered() noexcept { return find(answered_ + 1); }

  void answer(OutstandingRequest& request, const stream::TakenFrame& response) noexcept {
    ++answered_;
    request.state = State::answered;
    request.response = response;
  }
  void abandon(OutstandingRequest& request) noexcept {
    request.abandoned = true;
    ++unwanted_;
  }
  void end(OutstandingRequest& request) noexcept {
    if (request.is_unwanted()) --unwanted_;
    request.state = State::over;
    while (!requests_.empty() && requests_.front().state == State::over) {
      requests_.pop_front();
      ++first_;
    }
  }

  /// Whether responses are to come that nobody will receive.
  [[nodiscard]] bool has_unwanted() const noexcept { return unwanted_ > 0; }
  [[nodiscard]] std::deque<OutstandingRequest>& all() noexcept { return requests_; }

 private:
  std::deque<OutstandingRequest> requests_;
  std::uint64_t first_ = wire::first_sequence;  // of requests_
  std::uint64_t answered_ = 0;
  std::size_t unwanted_ = 0;
};

}  // namespace zeroduplex::detail
