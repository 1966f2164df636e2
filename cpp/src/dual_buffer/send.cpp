#include <algorithm>
#include <cstring>
#include <utility>

#include <zeroduplex/error.hpp>

#include "dual_buffer/dual_buffer_channel.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::TimePoint;

namespace {

/// While answers are to come that nobody will receive, a sender that waits for room looks for them this often: a server that waits
/// for room in turn would never read its request.
constexpr std::chrono::milliseconds drop_interval{5};

void check_opcode(std::uint32_t opcode) {
  if (opcode != 0) throw InvalidArgumentError("a v1 frame has no opcode, " + std::to_string(opcode) + " cannot be sent");
}

}  // namespace

std::uint64_t DualBufferChannel::send(const Request& request, Duration timeout) { return send_claimed(request, timeout, false); }

std::uint64_t DualBufferChannel::send_claimed(const Request& request, Duration timeout, bool claimed) {
  check_opcode(request.opcode);
  Lock lock = gate_.enter(name_);
  std::byte* const to = acquire_room(lock, request.data.size(), timeout);
  {
    const Gate::Outside outside(gate_, lock);
    std::memcpy(to, request.data.data(), request.data.size());
  }
  return publish(request.one_way, claimed);
}

RequestBuffer DualBufferChannel::acquire(std::size_t size, Duration timeout) {
  Lock lock = gate_.enter(name_);
  std::byte* const data = acquire_room(lock, size, timeout);
  ++views_;
  return {this, data, size, responses_->largest_frame()};
}

std::uint64_t DualBufferChannel::commit(RequestBuffer& buffer) {
  check_opcode(buffer.opcode_);
  Lock lock = gate_.enter(name_);
  buffer.owner_ = nullptr;
  std::uint64_t sequence = 0;
  std::exception_ptr error;
  try {
    sequence = publish(buffer.one_way_, false);
  } catch (...) {
    error = std::current_exception();
  }
  end_view(std::move(lock));  // may end the channel's life
  if (error) std::rethrow_exception(error);
  return sequence;
}

void DualBufferChannel::abort() noexcept {
  if (gate_.is_foreign()) return;
  Lock lock = gate_.enter_own();
  requests_->abort();
  end_view(std::move(lock));
}

std::byte* DualBufferChannel::acquire_room(Lock& lock, std::size_t size, Duration timeout) {
  check_timeout(timeout);
  check_usable();
  const TimePoint deadline = platform::deadline_after(Clock::now(), timeout);
  for (;;) {
    drop_unwanted(lock);
    const auto left = std::max(deadline - Clock::now(), Duration::zero());
    const bool again = outstanding_.has_unwanted() && left > drop_interval;
    try {
      const Gate::Outside outside(gate_, lock);
      return requests_->acquire(size, again ? Duration(drop_interval) : left);
    } catch (const BufferFullError&) {
      if (!again) throw;
    } catch (const InvalidArgumentError&) {
      throw;
    } catch (const FrameTooLargeError&) {
      throw;
    } catch (const Error&) {
      translate();
    }
  }
}

void DualBufferChannel::drop_unwanted(Lock& lock) {
  // Whoever receives drops answers too.
  if (!outstanding_.has_unwanted() || !receivers_.empty()) return;
  // In turn: responses must be looked at in the order in which they were read.
  const TurnQueue::Place self(receivers_, [] { return true; });
  while (outstanding_.has_unwanted() && read_response(lock, Duration::zero(), stream::ReaderCore::WhenWriterIsGone::wait)) {
  }
}

std::uint64_t DualBufferChannel::publish(bool one_way, bool claimed) {
  if (gate_.is_closed() || failure_) {
    requests_->abort();
    throw_unusable();
  }
  // Before its response can come.
  outstanding_.add(one_way, claimed);
  try {
    return requests_->commit();
  } catch (const Error&) {
    outstanding_.take_back();
    translate();
  }
}

}  // namespace zeroduplex::detail
