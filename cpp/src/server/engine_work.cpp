#include <algorithm>
#include <optional>
#include <utility>

#include <zeroduplex/error.hpp>

#include "common/spin_policy.hpp"
#include "platform/clock.hpp"
#include "ring/atomic_fields.hpp"
#include "server/engine.hpp"
#include "server/handling.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::TimePoint;

void Engine::work(const Handler& handler) {
  FrameAccess access;
  ring::RequestFrame request;
  Lock lock(mutex_);
  while (phase_ != Phase::ended) {
    if (alone_ && phase_ == Phase::serving && !looking_) {  // before start() the supervisor looks out
      serve_alone(lock, handler, access, request);
    } else if (next_request(request)) {
      serve(lock, handler, access, request);
    } else {
      wait_for_work(lock);
    }
  }
}

void Engine::serve_alone(Lock& lock, const Handler& handler, FrameAccess& access, ring::RequestFrame& request) {
  looking_ = true;  // keeps resets away and stop() waiting: until it is false again the cursor is this worker's
  lock.unlock();
  std::optional<CorruptedError> corruption;
  try {
    while (phase_.load(std::memory_order_relaxed) == Phase::serving && !segment_.client_has_left()) {
      if (take_next(request)) {
        const Outcome outcome = handle(handler, access, request);
        answer(request, outcome, access);
        settle(request, outcome);
      } else {
        watch_for_request(cursor_.passed());
      }
    }
  } catch (const CorruptedError& e) {
    corruption = e;
  }
  lock.lock();
  looking_ = false;
  if (corruption) {
    found_corruption(*corruption);
  } else if (phase_ == Phase::serving) {
    begin_passing();
  }
  supervision_.notify_all();
}

bool Engine::next_request(ring::RequestFrame& request) {
  try {
    if (phase_ == Phase::serving) {
      if (take_next(request)) return true;
      if (segment_.client_has_left()) begin_passing();
    }
    if (phase_ == Phase::passing && !passed_all_) {
      if (take_next(request)) return true;
      passed_all_ = true;
      supervision_.notify_all();
    }
  } catch (const CorruptedError& e) {
    found_corruption(e);
  }
  return false;
}

bool Engine::take_next(ring::RequestFrame& request) {
  while (cursor_.look(request)) {
    if (request.cancelled) {
      cursor_.skip(request);
      ring::fence();  // pairs with the fence behind the client's wait for room
      segment_.space_available().post_if_zero();
    } else if (phase_ == Phase::passing && !request.one_way) {
      cursor_.pass(request);
    } else if (cursor_.take(request)) {
      // This worker will be busy: another one takes what follows, and the role of looking out.
      if (waiting_ > 0) work_.notify_one();
      return true;
    }
  }
  return false;
}

void Engine::serve(Lock& lock, const Handler& handler, FrameAccess& access, const ring::RequestFrame& request) {
  ++running_;
  lock.unlock();
  const Outcome outcome = handle(handler, access, request);
  answer(request, outcome, access);
  lock.lock();
  settle(request, outcome);
  if (--running_ == 0 && phase_ != Phase::serving) supervision_.notify_all();
}

inline void Engine::answer(const ring::RequestFrame& request, const Outcome& outcome, const FrameAccess& access) const {
  if (!request.one_way) [[likely]] {
    return request.answer(outcome.state, outcome.size, outcome.status);
  }
  request.finish();
  if (outcome.state == wire::FrameState::failed) report_unanswered(request, access.error());
}

[[gnu::noinline]] void Engine::report_unanswered(const ring::RequestFrame& request, const std::string& error) const {
  if (error.empty()) return;
  report(HandlerFailedError("one-way request " + std::to_string(request.sequence) + ": " + error));
}

inline void Engine::settle(const ring::RequestFrame& request, const Outcome& outcome) noexcept {
  if (!request.one_way) cursor_.count_response(outcome.size);
  ring::fence();  // pairs with the fences behind the client's waits, and with the one in ClientRing::abandon()
  if (request.one_way) {
    segment_.space_available().post_if_zero();
  } else {
    segment_.response_ready().post_if_zero();
    // The value first: it is nearly always set, and the frame's cache line is the client's by now.
    if (segment_.space_available().value() == 0 && request.is_abandoned()) segment_.space_available().post_if_zero();
  }
}

void Engine::wait_for_work(Lock& lock) {
  if (phase_ == Phase::serving && !looking_) {
    look_out(lock);
  } else if (phase_ != Phase::ended) {
    ++waiting_;
    work_.wait(lock);
    --waiting_;
  }
}

void Engine::look_out(Lock& lock) {
  // The look that found nothing and the taking of this role are one critical section.
  looking_ = true;
  const std::uint64_t passed = cursor_.passed();
  lock.unlock();
  watch_for_request(passed);
  lock.lock();
  looking_ = false;
  if (phase_ != Phase::serving) supervision_.notify_all();
}

void Engine::watch_for_request(std::uint64_t passed) noexcept {
  if (strategy_ != WaitStrategy::block) {
    const auto changed = [&] { return cursor_.has_published(passed); };
    const auto interrupted = [&] {
      // We were serving when we let go of the mutex; another phase may have come before this is looked at for the first time.
      return phase_.load(std::memory_order_relaxed) != Phase::serving || segment_.client_has_left();
    };
    const auto limit = [this](TimePoint now) { return strategy_ == WaitStrategy::hybrid ? now + spin_window_ : TimePoint::max(); };
    if (spin(patience_, changed, interrupted, limit) != SpinEnd::time) return;
  }
  segment_.request_ready().wait_until(Clock::now() + wire::default_v2_wait_slice);
  ring::fence();  // pairs with the fence between the client's publishing or leaving and its post
}

void Engine::found_corruption(const Error& error) noexcept {
  report(error);
  // The only worker looks without the mutex, so the engine may have been stopped or given up meanwhile. That is final, and the
  // segment is no longer ours to disown.
  if (phase_ == Phase::ended) return;
  if (phase_ == Phase::passing) {
    // The client is gone already, and what it left cannot be read any further.
    passed_all_ = true;
    supervision_.notify_all();
    return;
  }
  // Pairs with the client's acquire load: it detaches within a slice.
  ring::store_release(segment_.segment().response().writer_pid, wire::pid_none);
  enter_phase(Phase::corrupted);
}

}  // namespace zeroduplex::detail
