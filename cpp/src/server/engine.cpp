#include "server/engine.hpp"

#include <utility>

#include <zeroduplex/error.hpp>

#include "common/spin_policy.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/metadata.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::TimePoint;

Engine::Engine(const std::string& name, const BufferConfig& config, const ServerOptions& options,
               const std::optional<std::vector<std::byte>>& metadata, Report report)
    : strategy_(options.wait),
      alone_(options.workers == 1),
      spin_window_(options.spin_window),
      reset_timeout_(options.reset_timeout),
      report_(std::move(report)),
      segment_(name, config, options, metadata),
      cursor_(segment_.segment()) {}

void Engine::start() {
  const Lock lock(mutex_);
  started_ = true;
  if (phase_ == Phase::idle) enter_phase(Phase::serving);
}

void Engine::enter_phase(Phase phase) noexcept {
  phase_ = phase;
  work_.notify_all();
  supervision_.notify_all();
  wake_looker();
}

void Engine::wake_looker() noexcept {
  if (!looking_) return;
  ring::fence();  // pairs with the fence behind our own looker's wait
  segment_.request_ready().post_if_zero();
}

bool Engine::client_is_gone() noexcept {
  try {
    return segment_.client_is_gone();
  } catch (const Error& e) {
    report(e);
    return false;
  }
}

void Engine::report(const Error& error) const noexcept {
  if (report_) report_(error);
}

void Engine::give_up() noexcept {
  const Lock lock(mutex_);
  enter_phase(Phase::ended);
  segment_.remove();
}

void Engine::request_stop() noexcept {
  const Lock lock(mutex_);
  enter_phase(Phase::ended);
}

bool Engine::stop(TimePoint deadline) noexcept {
  Lock lock(mutex_);
  enter_phase(Phase::ended);
  supervision_.wait_until(lock, deadline, [this] { return is_quiet(); });
  bool done = is_quiet();  // else handlers run on, and the cursor is theirs
  const auto is_waited_for = [this]() noexcept {
    try {
      return !cursor_.is_drained() && segment_.client_is_attached();
    } catch (const Error&) {
      return false;
    }
  };
  while (done && is_waited_for()) {
    const TimePoint now = Clock::now();
    if (now >= deadline) {
      done = false;  // responses are left that the client, which lives, has not consumed
      break;
    }
    // Only the call that stops gets here, once: response-consumed has one sleeper.
    lock.unlock();
    segment_.response_consumed().wait_until(end_of_slice(now, deadline));
    ring::fence();  // pairs with the fence between the client's release and its post
    lock.lock();
  }
  segment_.remove();
  return done;
}

void Engine::set_metadata(std::span<const std::byte> data) {
  const Lock lock(mutex_);
  ring::write_metadata(segment_.segment().response(), segment_.segment().metadata_response(), data);
}

std::vector<std::byte> Engine::client_metadata() {
  const Lock lock(mutex_);  // keeps a reset away
  return ring::read_metadata(segment_.segment().request(), segment_.segment().metadata_request());
}

bool Engine::is_client_connected() {
  const Lock lock(mutex_);
  return phase_ != Phase::ended && segment_.client_is_attached();
}

}  // namespace zeroduplex::detail
