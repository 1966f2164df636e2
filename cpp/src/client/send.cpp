#include <algorithm>
#include <cstring>
#include <exception>
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

namespace {

constexpr std::size_t small_copy = 4096;  // not worth leaving the mutex for
}  // namespace

std::uint64_t Channel::send(const Request& request, Duration timeout) {
  Lock lock = enter();
  return send_by(lock, request, timeout).sequence;
}

ring::InFlight* Channel::send_alone(const Request& request, Duration timeout) noexcept {
  const std::size_t size = request.data.size();
  const std::size_t most = std::max(size, request.capacity);
  const bool is_simple = size <= small_copy && most <= wire::max_frame_data &&
                         (request.capacity == 0 || request.capacity >= size) && timeout.count() >= 0 && !request.one_way &&
                         !closed_ && !failure_ && heard_ && turns_.empty();
  if (!is_simple) return nullptr;
  ring::InFlight* const frame = ring_.publish_alone(request.data, ring::round_up(most), request.opcode);
  if (frame != nullptr) announce();
  return frame;
}

ring::InFlight& Channel::send_by(Lock& lock, const Request& request, Duration timeout) {
  const std::span<const std::byte> data = request.data;
  const std::uint64_t capacity = capacity_for(data.size(), request.capacity);
  check_timeout(timeout);
  std::byte* const to = reserve(lock, capacity, timeout);
  if (data.size() > small_copy) {
    {
      const Outside outside(*this, lock);
      std::memcpy(to, data.data(), data.size());
    }
    if (closed_ || failure_) {
      ring_.abort();
      pass_turn();
      detach_if_unused();
      throw_unusable();
    }
  } else if (!data.empty()) {
    std::memcpy(to, data.data(), data.size());
  }
  return publish(data.size(), request.opcode, request.one_way);
}

RequestBuffer Channel::acquire(std::size_t size, std::size_t capacity, Duration timeout) {
  const std::uint64_t rounded = capacity_for(size, capacity);
  check_timeout(timeout);
  Lock lock = enter();
  std::byte* const data = reserve(lock, rounded, timeout);
  ++views_;
  return {this, data, size, rounded};
}

std::uint64_t Channel::commit(RequestBuffer& buffer) {
  Lock lock = enter();
  if (closed_ || failure_) {
    std::exception_ptr error;
    try {
      throw_unusable();
    } catch (...) {
      error = std::current_exception();
    }
    buffer.owner_ = nullptr;
    ring_.abort();
    pass_turn();
    end_view(std::move(lock));  // may end the channel's life
    std::rethrow_exception(error);
  }
  const std::uint64_t sequence = publish(buffer.size_, buffer.opcode_, buffer.one_way_).sequence;
  buffer.owner_ = nullptr;
  end_view(std::move(lock));
  return sequence;
}

void Channel::abort() noexcept {
  if (is_foreign()) return;
  Lock lock(mutex_);
  ring_.abort();
  pass_turn();
  end_view(std::move(lock));
}

ring::InFlight& Channel::publish(std::uint64_t size, std::uint32_t opcode, bool one_way) noexcept {
  ring::InFlight& frame = ring_.publish(size, opcode, one_way);
  announce();
  pass_turn();
  return frame;
}

void Channel::announce() noexcept {
  ring::fence();  // pairs with the fence behind the server's wait
  attachment_.request_ready().post_if_zero();
  heard_ = false;
}

void Channel::pass_turn() noexcept {
  if (!turns_.empty() && !ring_.has_claim()) turns_.wake_first();
}

std::byte* Channel::reserve(Lock& lock, std::uint64_t capacity, Duration timeout) {
  check_usable();
  if (!ring_.can_ever_fit(capacity)) {
    throw FrameTooLargeError("a frame of " + std::to_string(wire::frame_header_v2_size) + " + " + std::to_string(capacity) +
                             " bytes can never fit a payload of " + std::to_string(attachment_.segment().payload_size()));
  }
  if (!heard_) {
    check_peer_if_due(platform::coarse_now(), wire::default_v2_wait_slice);
    check_usable();
  }
  if (turns_.empty() && !ring_.has_claim()) {
    if (std::byte* const data = try_reserve(capacity)) return data;
  }
  TurnQueue::Place self(turns_, [this] { return !ring_.has_claim(); });
  Wait wait(timeout);
  bool may_spin = strategy_ != WaitStrategy::block;
  for (;;) {
    const bool has_turn = self.has_turn();
    if (has_turn) {
      if (std::byte* const data = try_reserve(capacity)) return data;
    }
    const TimePoint now = Clock::now();
    wait.start(now);
    check_peer_if_due(now, wire::default_v2_wait_slice);
    check_usable();
    if (wait.is_over(now)) throw_no_room();
    if (has_turn) {
      await_room(lock, wait, may_spin);
      may_spin = strategy_ == WaitStrategy::spin;
    } else {
      wait_inside(lock, self.wake(), end_of_slice(now, wait.deadline()));
    }
    check_usable();
  }
}

std::byte* Channel::try_reserve(std::uint64_t capacity) {
  try {
    if (ring_.reclaim()) {
      ring::fence();  // pairs with the fence behind the draining server's wait
      attachment_.response_consumed().post_if_zero();
    }
  } catch (const CorruptedError& e) {
    fail(ErrorCode::corrupted, e.detail());
    throw;
  }
  return ring_.reserve(capacity);
}

void Channel::await_room(Lock& lock, Wait& wait, bool may_spin) {
  // What reclaim() waits for: a release by another thread, the server's cursor, or the end of the oldest frame.
  const wire::OiebV2& request = attachment_.segment().request();
  const std::uint64_t read_count = ring::load_acquire(request.payload_read_count);
  const wire::FrameHeaderV2* const oldest = ring_.at(0).header;
  const wire::FrameState state = ring::load_state(*oldest);
  const std::uint32_t releases = releases_.load(std::memory_order_relaxed);
  const std::uint32_t interrupts = interrupts_.load(std::memory_order_relaxed);
  if (may_spin) {
    const Outside outside(*this, lock);
    spin(
        room_patience_,
        [&] {
          return releases_.load(std::memory_order_relaxed) != releases ||
                 ring::load_acquire(request.payload_read_count) != read_count || ring::load_state(*oldest) != state;
        },
        [&] { return interrupts_.load(std::memory_order_relaxed) != interrupts; },
        [&](TimePoint now) { return end_of_spin(strategy_, spin_window_, now, wait.deadline()); });
    return;
  }
  bool token = false;
  {
    // Only the first in the queue gets here: space-available has one sleeper per process.
    const Outside outside(*this, lock);
    token = attachment_.space_available().wait_until(end_of_slice(Clock::now(), wait.deadline()));
    ring::fence();  // pairs with the fence before every post of space-available
  }
  if (token) check_peer_if_due(Clock::now(), look_again_after_wake);
}

void Channel::throw_no_room() const {
  if (ring_.has_claim()) {
    throw AcquisitionOpenError("an acquired request buffer of '" + name_ + "' was open all the time");
  }
  throw BufferFullError("no room in the ring of '" + name_ + "': " + std::to_string(ring_.free_bytes()) + " of " +
                        std::to_string(attachment_.segment().payload_size()) + " bytes are free, " +
                        std::to_string(ring_.in_flight()) + " frames are in flight");
}

}  // namespace zeroduplex::detail
