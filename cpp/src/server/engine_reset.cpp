#include <zeroduplex/error.hpp>

#include "common/spin_policy.hpp"
#include "platform/clock.hpp"
#include "ring/atomic_fields.hpp"
#include "server/engine.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::TimePoint;

void Engine::begin_passing() noexcept {
  passing_since_ = Clock::now();
  // After corruption there is nothing to pass, and before start() there is nobody who could run a one-way request.
  passed_all_ = phase_ != Phase::serving;
  enter_phase(Phase::passing);
}

Engine::Verdict Engine::supervise() {
  Lock lock(mutex_);
  for (;;) {
    const TimePoint next_look = Clock::now() + wire::default_v2_wait_slice;
    switch (phase_.load()) {
      case Phase::ended:
        return Verdict::stopped;
      case Phase::idle:
        // There are no workers yet that would be woken by a client that leaves.
        looking_ = true;
        lock.unlock();
        segment_.request_ready().wait_until(next_look);
        ring::fence();  // pairs with the fence between the client's leaving and its post
        lock.lock();
        looking_ = false;
        if (phase_ == Phase::idle && client_is_gone()) begin_passing();
        work_.notify_one();
        break;
      case Phase::serving:
      case Phase::corrupted:
        // Workers notice a client that closes. One that died, or that leaves while all of them are busy, is noticed here.
        if (client_is_gone()) {
          begin_passing();
        } else {
          supervision_.wait_until(lock, next_look);
        }
        break;
      case Phase::passing: {
        const TimePoint deadline = platform::deadline_after(passing_since_, reset_timeout_);
        if (passed_all_ && is_quiet()) {
          if (!reset()) supervision_.wait_until(lock, next_look);
        } else if (Clock::now() >= deadline && !segment_.is_view()) {
          return Verdict::give_up;
        } else {
          // Existing memory cannot be replaced: its next client waits until the handlers end.
          supervision_.wait_until(lock, segment_.is_view() ? next_look : end_of_slice(Clock::now(), deadline));
        }
        break;
      }
    }
  }
}

bool Engine::reset() noexcept {
  wire::OiebV2& request = segment_.segment().request();
  wire::OiebV2& response = segment_.segment().response();
  try {
    segment_.replace_semaphores();
  } catch (const Error& e) {
    report(e);  // the next slice tries again; until then connecting says that the server is busy
    return false;
  }
  ring::store_relaxed(request.metadata_free_bytes, segment_.segment().metadata_request().size());
  ring::store_release(request.metadata_written_bytes, std::uint64_t{0});
  cursor_.reset();
  ring::store_release(response.reader_pid, wire::pid_none);
  ring::store_release(response.writer_pid, segment_.pid());
  // Last: pairs with the attaching client's acquire load, which waits for it.
  ring::store_release(request.writer_pid, wire::pid_none);
  enter_phase(started_ ? Phase::serving : Phase::idle);
  return true;
}

}  // namespace zeroduplex::detail
