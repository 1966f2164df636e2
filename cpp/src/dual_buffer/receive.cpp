#include <algorithm>
#include <utility>

#include <zeroduplex/error.hpp>

#include "dual_buffer/dual_buffer_channel.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::TimePoint;
using WhenWriterIsGone = stream::ReaderCore::WhenWriterIsGone;
using State = OutstandingRequest::State;

Response DualBufferChannel::receive(Duration timeout) {
  check_timeout(timeout);
  return receive_claimed(gate_.enter(name_), std::nullopt, timeout, OnTimeout::keep);
}

Response DualBufferChannel::receive(std::uint64_t sequence, Duration timeout) {
  check_timeout(timeout);
  Lock lock = gate_.enter(name_);
  if (gate_.is_closed()) throw_unusable();
  OutstandingRequest* const request = outstanding_.find(sequence);
  if (request == nullptr || !request->is_open() || request->claimed) {
    throw UnknownSequenceError("no response is outstanding under number " + std::to_string(sequence));
  }
  request->claimed = true;
  return receive_claimed(std::move(lock), sequence, timeout, OnTimeout::keep);
}

Response DualBufferChannel::call(const Request& request, Duration send_timeout, Duration timeout) {
  check_timeout(timeout);
  if (request.one_way) throw InvalidArgumentError("a call needs an answer and cannot be one-way");
  const std::uint64_t sequence = send_claimed(request, send_timeout, true);
  return receive_claimed(gate_.enter(name_), sequence, timeout, OnTimeout::give_up);
}

Response DualBufferChannel::receive_claimed(Lock lock, std::optional<std::uint64_t> sequence, Duration timeout,
                                            OnTimeout on_timeout) {
  /// Whoever does not get the response leaves it to others.
  struct Claim {
    DualBufferChannel& channel;
    const std::optional<std::uint64_t>& sequence;
    bool delivered = false;
    ~Claim() {
      OutstandingRequest* const request = delivered || !sequence ? nullptr : channel.outstanding_.find(*sequence);
      if (request == nullptr) return;
      request->claimed = false;
      channel.receivers_.wake_all();
    }
  } claim{*this, sequence};

  if (gate_.is_closed()) throw_unusable();
  TurnQueue::Place self(receivers_, [] { return true; });
  const TimePoint deadline = platform::deadline_after(Clock::now(), timeout);
  for (bool last = false;;) {
    // Also when the server is gone: what it has answered is delivered.
    if (auto response = try_deliver(sequence)) {
      claim.delivered = true;
      return std::move(*response);
    }
    check_usable();
    if (last) break;
    const TimePoint now = Clock::now();
    last = now >= deadline;
    if (self.has_turn()) {
      read_response(lock, std::max(deadline - now, Duration::zero()), WhenWriterIsGone::fail);
    } else {
      gate_.wait(lock, self.wake(), deadline);
    }
  }
  if (!sequence) throw TimeoutError("no response came from '" + name_ + "'");
  if (on_timeout == OnTimeout::give_up) give_up(*sequence);
  throw TimeoutError("no response to request " + std::to_string(*sequence) + " came from '" + name_ + "'");
}

std::optional<Response> DualBufferChannel::try_deliver(const std::optional<std::uint64_t>& sequence) {
  OutstandingRequest* found = nullptr;
  if (sequence) {
    found = outstanding_.find(*sequence);
  } else {
    for (OutstandingRequest& request : outstanding_.all()) {
      if (request.state == State::answered && !request.claimed) {
        found = &request;
        break;
      }
    }
  }
  if (found == nullptr || found->state != State::answered) return std::nullopt;
  if (gate_.is_closed() || failure_ == ErrorCode::corrupted) throw_unusable();
  found->state = State::delivered;
  ++views_;
  return Response(this, found->response.data, found->response.size, found->sequence, 0);
}

bool DualBufferChannel::read_response(Lock& lock, Duration timeout, WhenWriterIsGone when_gone) {
  std::optional<stream::TakenFrame> response;
  try {
    const Gate::Outside outside(gate_, lock);
    response = responses_->read(timeout, when_gone);
  } catch (const Error&) {
    // The next look at what is usable says so. What was answered before is delivered first.
    try {
      translate();
    } catch (const Error&) {
      return false;
    }
  }
  if (response) accept(*response);
  return response.has_value();
}

void DualBufferChannel::accept(const stream::TakenFrame& response) {
  OutstandingRequest* const request = outstanding_.next_unanswered();
  if (request == nullptr) {
    responses_->release(response.slot);
    return fail(ErrorCode::corrupted, "the server of '" + name_ + "' sent a response to no request");
  }
  outstanding_.answer(*request, response);
  if (request->is_unwanted()) {
    end(*request);
  } else {
    receivers_.wake_all();
  }
}

void DualBufferChannel::give_up(std::uint64_t sequence) noexcept {
  OutstandingRequest* const request = outstanding_.find(sequence);
  if (request != nullptr) outstanding_.abandon(*request);
}

void DualBufferChannel::end(OutstandingRequest& request) noexcept {
  responses_->release(request.response.slot);
  outstanding_.end(request);
}

void DualBufferChannel::release(std::uint64_t sequence) noexcept {
  if (gate_.is_foreign()) return;
  Lock lock = gate_.enter_own();
  end(*outstanding_.find(sequence));
  end_view(std::move(lock));
}

}  // namespace zeroduplex::detail
