#include "client/channel.hpp"

#include <algorithm>
#include <utility>

#include <zeroduplex/error.hpp>

#include "client/lost_requests.hpp"
#include "client/scopes.hpp"
#include "platform/fork.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/metadata.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::TimePoint;

Channel::Channel(std::string name, const ClientOptions& options)
    : name_(std::move(name)),
      strategy_(options.wait),
      spin_window_(options.spin_window),
      fork_generation_(platform::fork_generation()),
      attachment_(name_, options),
      ring_(attachment_.segment(), options.lap),
      peer_checked_(Clock::now()) {}

void Channel::check_owner() const {
  // Before the mutex: another thread of the parent may have held it at the fork.
  if (is_foreign()) [[unlikely]] {
    throw_foreign();
  }
}

[[gnu::noinline]] void Channel::throw_foreign() const {
  throw ClosedError("'" + name_ + "' was opened before fork() and belongs to the parent process");
}

Channel::Lock Channel::enter() {
  check_owner();
  return Lock(mutex_);
}

void Channel::check_usable() {
  if (closed_ || failure_) [[unlikely]] {
    throw_unusable();
  }
}

void Channel::throw_unusable() {
  if (closed_) throw ClosedError("the client of '" + name_ + "' was closed");
  if (*failure_ == ErrorCode::corrupted) throw CorruptedError(failure_detail_);
  throw ServerDeadError(failure_detail_ + lost_requests());
}

std::string Channel::lost_requests() {
  LostRequests lost;
  for (std::size_t i = 0; i < ring_.in_flight(); ++i) {
    const ring::InFlight& frame = ring_.at(i);
    if (frame.released || frame.cancelled || frame.abandoned || frame.one_way || ring_.answer(frame)) continue;
    lost.add(frame.sequence);
  }
  return lost.text();
}

void Channel::look_at_peer(TimePoint now) {
  peer_checked_ = now;
  if (failure_) return;
  switch (attachment_.server()) {
    case Attachment::Server::alive:
      return;
    case Attachment::Server::gone:
      return fail(ErrorCode::server_dead, "the server of '" + name_ + "' is gone");
    case Attachment::Server::found_corruption:
      return fail(ErrorCode::corrupted, "the server of '" + name_ + "' found the segment corrupted");
  }
}

void Channel::check_peer_if_due(TimePoint now, Duration interval) {
  if (now - peer_checked_ >= interval) [[unlikely]] {
    look_at_peer(now);
  }
}

void Channel::fail(ErrorCode code, std::string detail) noexcept {
  if (failure_) return;
  failure_ = code;
  failure_detail_ = std::move(detail);
  wake_everybody();
  detach_if_unused();
}

void Channel::wake_everybody() noexcept {
  interrupts_.fetch_add(1, std::memory_order_relaxed);
  turns_.wake_all();
  for (Receiver* r = receivers_; r != nullptr; r = r->next) r->wake.notify();
  // Our own sleepers: their fence after the wait pairs with this one.
  ring::fence();
  attachment_.response_ready().post_if_zero();
  attachment_.space_available().post_if_zero();
}

void Channel::detach_if_unused() noexcept {
  // Whatever stands in the segment belongs to the next client once we are detached: not while somebody may be reading or writing
  // it.
  const bool leaving = closed_ || failure_ == ErrorCode::corrupted;
  if (leaving && views_ == 0 && outside_ == 0) attachment_.detach();
}

void Channel::wait_inside(Lock& lock, Signal& wake, TimePoint until) {
  ++outside_;
  wake.wait_until(lock, until);
  come_back();
}

void Channel::come_back() noexcept {
  if (--outside_ != 0 || (!closed_ && !failure_)) return;
  detach_if_unused();
  all_inside_.notify_all();
}

void Channel::end_view(Lock lock) noexcept {
  --views_;
  detach_if_unused();
  const bool last = views_ == 0 && !has_client_;
  lock.unlock();
  if (last) delete this;
}

void Channel::close() {
  if (is_foreign()) return;  // nothing of it is ours
  Lock lock(mutex_);
  if (!closed_) {
    closed_ = true;
    wake_everybody();
  }
  all_inside_.wait(lock, [this] { return outside_ == 0; });
  detach_if_unused();
}

void Channel::drop_client(Channel* channel) noexcept {
  // A forked child leaves everything as it is: it cannot know what the threads it lost were doing, and owns nothing of it.
  if (channel->is_foreign()) return;
  channel->close();
  Lock lock(channel->mutex_);
  channel->has_client_ = false;
  const bool last = channel->views_ == 0;
  lock.unlock();
  if (last) delete channel;
}

void Channel::set_metadata(std::span<const std::byte> data) {
  const Lock lock = enter();
  check_usable();
  ring::write_metadata(attachment_.segment().request(), attachment_.segment().metadata_request(), data);
}

std::vector<std::byte> Channel::server_metadata() {
  const Lock lock = enter();
  check_usable();
  return ring::read_metadata(attachment_.segment().response(), attachment_.segment().metadata_response());
}

bool Channel::is_server_connected() {
  const Lock lock = enter();
  if (!closed_) look_at_peer(Clock::now());
  return !closed_ && !failure_;
}

}  // namespace zeroduplex::detail
