#include <algorithm>
#include <string>
#include <utility>

#include <zeroduplex/error.hpp>

#include "client/arguments.hpp"
#include "client/channel.hpp"
#include "client/scopes.hpp"
#include "common/spin_policy.hpp"
#include "platform/clock.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/frame_state.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::TimePoint;
using wire::FrameState;

namespace {

/// Whether "receive any" may deliver the frame once it is answered.
bool is_open(const ring::InFlight& frame) {
  return !frame.one_way && !frame.cancelled && !frame.abandoned && !frame.released && !frame.claimed;
}

}  // namespace

Response Channel::receive(Duration timeout) {
  check_timeout(timeout);
  return receive_claimed(enter(), std::nullopt, timeout, OnTimeout::keep);
}

Response Channel::receive(std::uint64_t sequence, Duration timeout) {
  check_timeout(timeout);
  Lock lock = enter();
  if (closed_) throw_unusable();
  ring::InFlight* const frame = ring_.find(sequence);
  if (frame == nullptr || !is_open(*frame)) {
    throw UnknownSequenceError("no response is outstanding under number " + std::to_string(sequence));
  }
  frame->claimed = true;
  return receive_claimed(std::move(lock), sequence, timeout, OnTimeout::keep);
}

Response Channel::call(const Request& request, Duration send_timeout, Duration timeout) {
  check_timeout(timeout);
  if (request.one_way) throw InvalidArgumentError("a call needs an answer and cannot be one-way");
  check_owner();
  mutex_.lock();
  ring::InFlight* published = send_alone(request, send_timeout);
  if (published == nullptr) [[unlikely]] {
    Lock lock(mutex_, std::adopt_lock);
    published = &send_by(lock, request, send_timeout);
    lock.release();  // taken as before
  }
  published->claimed = true;
  // Others may move the list. Field by field: a copy of a struct that was stored a moment ago waits until the stores are done.
  const wire::FrameHeaderV2& header = *published->header;
  const std::uint64_t sequence = published->sequence;
  const std::uint64_t capacity = published->capacity;
  const std::uint32_t opcode = published->opcode;
  std::byte* const data = attachment_.segment().data_at(published->position);
  if (strategy_ != WaitStrategy::block) {
    ++views_;  // keeps the segment mapped
    // The answer to a quick handler is there before the mutex could be taken. The claim is ours, so it is not needed.
    mutex_.unlock();
    if (spin_for_quick_response(header)) {
      ring_.fetch_ahead(header);
      const std::uint64_t size = ring::load_once(header.payload_size);
      if (size <= capacity) return Response(this, data, size, sequence, opcode);
    }
    mutex_.lock();
    --views_;
    detach_if_unused();
  }
  return receive_claimed(Lock(mutex_, std::adopt_lock), sequence, timeout, OnTimeout::give_up);
}

bool Channel::spin_for_quick_response(const wire::FrameHeaderV2& header) noexcept {
  // Pairs with the server's release store of the state in RequestFrame::answer().
  const auto answered = [&] { return ring::load_state(header) == FrameState::response; };
  const auto give_up = [] { return true; };
  return spin(answer_patience_, answered, give_up, [](TimePoint now) { return now; }) == SpinEnd::changed;
}

Response Channel::receive_claimed(Lock lock, std::optional<std::uint64_t> sequence, Duration timeout, OnTimeout on_timeout) {
  /// Whoever does not get the response leaves it to others.
  struct Claim {
    Channel& channel;
    const std::optional<std::uint64_t>& sequence;
    bool delivered = false;
    ~Claim() {
      if (delivered || !sequence) return;
      ring::InFlight* const frame = channel.ring_.find(*sequence);
      if (frame == nullptr || frame->released) return;
      frame->claimed = false;
      // Its bytes were kept for us. Not once the segment may be unmapped.
      if (frame->cancelled && !channel.closed_ && !channel.failure_) channel.after_release();
      channel.wake_receivers();
    }
  } claim{*this, sequence};

  if (closed_) throw_unusable();
  if (auto response = try_deliver(sequence)) {
    claim.delivered = true;
    return std::move(*response);
  }
  std::optional<Receiving> receiving;  // while it only spins it need not be found by others
  Wait wait(timeout);
  bool may_spin = strategy_ != WaitStrategy::block;
  for (;;) {
    if (may_spin) {
      may_spin = spin_for_answer(lock, sequence, wait);
    } else {
      if (!receiving) receiving.emplace(*this, sequence);
      sleep_for_answer(lock, receiving->self(), wait);
      may_spin = strategy_ == WaitStrategy::spin;
    }
    if (closed_) throw_unusable();
    // Also when the server is gone: what it has answered is delivered.
    if (auto response = try_deliver(sequence)) {
      claim.delivered = true;
      return std::move(*response);
    }
    check_usable();
    const TimePoint now = Clock::now();
    wait.start(now);
    if (!wait.is_over(now)) continue;
    if (!sequence) throw TimeoutError("no response came from '" + name_ + "'");
    if (on_timeout == OnTimeout::give_up) give_up(*sequence);
    throw TimeoutError("no response to request " + std::to_string(*sequence) + " came from '" + name_ + "'");
  }
}

ring::InFlight* Channel::find_answered(const std::optional<std::uint64_t>& sequence, std::optional<ring::Answer>& answer) {
  if (sequence) {
    ring::InFlight* const frame = ring_.find(*sequence);
    if (frame == nullptr || frame->cancelled) throw CancelledError("request " + std::to_string(*sequence) + " was cancelled");
    answer = ring_.answer(*frame);
    return frame;
  }
  std::size_t found = first_answered(ring_.in_flight(), answer);
  if (found == ring_.in_flight()) return nullptr;
  if (found > 0) {
    // An older one may have been answered between the look at it and this one's. What one worker answers comes in its order.
    std::optional<ring::Answer> older;
    const std::size_t first = first_answered(found, older);
    if (older) {
      found = first;
      answer = older;
    }
  }
  return &ring_.at(found);
}

std::size_t Channel::first_answered(std::size_t count, std::optional<ring::Answer>& answer) {
  for (std::size_t i = 0; i < count; ++i) {
    const ring::InFlight& frame = ring_.at(i);
    if (is_open(frame) && (answer = ring_.answer(frame))) return i;
  }
  return count;
}

std::optional<Response> Channel::try_deliver(const std::optional<std::uint64_t>& sequence) {
  std::optional<ring::Answer> answer;
  ring::InFlight* frame = nullptr;
  try {
    frame = find_answered(sequence, answer);
  } catch (const CorruptedError& e) {
    fail(ErrorCode::corrupted, e.detail());
    throw;
  }
  if (!answer) return std::nullopt;
  if (failure_ == ErrorCode::corrupted) throw_unusable();
  if (answer->failed) throw_failure(*frame, *answer);
  frame->claimed = true;
  ++views_;
  return Response(this, answer->data, answer->size, frame->sequence, frame->opcode);
}

void Channel::throw_failure(ring::InFlight& frame, const ring::Answer& answer) {
  const std::uint64_t sequence = frame.sequence;
  const std::int32_t status = answer.status;
  const std::string message(reinterpret_cast<const char*>(answer.data), answer.size);
  ring_.release(frame);
  after_release();
  const std::string detail =
      "request " + std::to_string(sequence) + " failed with status " + std::to_string(status) + ": " + message;
  if (status == static_cast<std::int32_t>(wire::FrameStatus::response_too_large)) {
    ResponseTooLargeError error(detail);
    error.setAnswer(sequence, status, message);
    throw error;
  }
  HandlerFailedError error(detail);
  error.setAnswer(sequence, status, message);
  throw error;
}

bool Channel::spin_for_answer(Lock& lock, const std::optional<std::uint64_t>& sequence, Wait& wait) {
  const wire::FrameHeaderV2* header = nullptr;
  if (sequence) {
    header = ring_.find(*sequence)->header;
  } else {
    for (std::size_t i = 0; i < ring_.in_flight() && header == nullptr; ++i) {
      if (is_open(ring_.at(i))) header = ring_.at(i).header;
    }
  }
  const std::uint64_t& count = attachment_.segment().response().payload_written_count;
  // With any response welcome, the count tells of answers that overtook the oldest request.
  const bool any = !sequence;
  const std::uint64_t seen = any ? ring::load_acquire(count) : 0;
  const std::uint32_t interrupts = interrupts_.load(std::memory_order_relaxed);
  const TimePoint check_due = peer_checked_ + wire::default_v2_wait_slice;
  SpinEnd end = SpinEnd::time;
  {
    const Outside outside(*this, lock);
    const auto changed = [&] {
      if (header != nullptr) {
        const FrameState state = ring::load_state(*header);
        if (state != FrameState::request && state != FrameState::processing) return true;
      }
      return any && ring::load_acquire(count) != seen;
    };
    const auto interrupted = [&] { return interrupts_.load(std::memory_order_relaxed) != interrupts; };
    const auto limit = [&](TimePoint now) {
      wait.start(now);
      const TimePoint until = std::min(wait.deadline(), check_due);
      return strategy_ == WaitStrategy::hybrid ? std::min(until, wait.begin() + spin_window_) : until;
    };
    end = spin(answer_patience_, changed, interrupted, limit);
  }
  if (end != SpinEnd::time) return true;
  const TimePoint now = Clock::now();
  check_peer_if_due(now, wire::default_v2_wait_slice);
  return strategy_ == WaitStrategy::spin || now < wait.begin() + spin_window_;
}

void Channel::sleep_for_answer(Lock& lock, Receiver& self, Wait& wait) {
  const TimePoint now = Clock::now();
  wait.start(now);
  if (wait.is_over(now)) return;
  const TimePoint until = end_of_slice(now, wait.deadline());
  if (receiver_sleeps_) {
    wait_inside(lock, self.wake, until);
    return;
  }
  // The look that came before and the taking of the role are one critical section.
  receiver_sleeps_ = true;
  bool token = false;
  {
    const Outside outside(*this, lock);
    token = attachment_.response_ready().wait_until(until);
    ring::fence();  // pairs with the fence between the server's answer and its post
  }
  receiver_sleeps_ = false;
  // One token may stand for many answers.
  wake_answered_receivers();
  const bool woken_for_nothing = token && ring_.in_flight() > 0;
  check_peer_if_due(Clock::now(), woken_for_nothing ? Duration(look_again_after_wake) : Duration(wire::default_v2_wait_slice));
}

void Channel::wake_answered_receivers() noexcept {
  for (Receiver* r = receivers_; r != nullptr; r = r->next) {
    const ring::InFlight* const frame = r->sequence ? ring_.find(*r->sequence) : nullptr;
    if (frame != nullptr) {
      const FrameState state = ring::load_state(*frame->header);
      if (state == FrameState::request || state == FrameState::processing) continue;
    }
    r->wake.notify();
  }
}

void Channel::wake_receivers() noexcept {
  interrupts_.fetch_add(1, std::memory_order_relaxed);
  for (Receiver* r = receivers_; r != nullptr; r = r->next) r->wake.notify();
  if (!receiver_sleeps_) return;
  ring::fence();  // pairs with the fence behind our own sleeper's wait
  attachment_.response_ready().post_if_zero();
}

void Channel::give_up(std::uint64_t sequence) noexcept {
  ring::InFlight* const frame = ring_.find(sequence);
  if (frame == nullptr || ring_.cancel(*frame)) return;
  ring_.abandon(*frame);
  if (frame->released) after_release();
}

bool Channel::cancel(std::uint64_t sequence) {
  const Lock lock = enter();
  check_usable();
  ring::InFlight* const frame = ring_.find(sequence);
  if (frame == nullptr || frame->released || frame->cancelled || frame->abandoned || frame->one_way) {
    throw UnknownSequenceError("no request is outstanding under number " + std::to_string(sequence));
  }
  if (!ring_.cancel(*frame)) return false;
  wake_receivers();
  return true;
}

void Channel::release(std::uint64_t sequence) noexcept {
  if (is_foreign()) return;
  mutex_.lock();
  if (ring_.release_alone(sequence)) [[likely]] {
    announce_release();
  } else {
    ring_.release(*ring_.find(sequence));
    after_release();
  }
  if (closed_ || failure_ || !has_client_) [[unlikely]] {
    return end_view(Lock(mutex_, std::adopt_lock));
  }
  --views_;
  mutex_.unlock();
}

void Channel::after_release() noexcept {
  try {
    ring_.reclaim();
  } catch (const CorruptedError& e) {
    fail(ErrorCode::corrupted, e.detail());
  }
  announce_release();
}

void Channel::announce_release() noexcept {
  heard_ = true;
  releases_.store(releases_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  ring::fence();  // pairs with the fences behind the draining server's and our own sender's wait
  attachment_.response_consumed().post_if_zero();
  attachment_.space_available().post_if_zero();
}

}  // namespace zeroduplex::detail
