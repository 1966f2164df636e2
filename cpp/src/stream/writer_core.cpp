#include "stream/writer_core.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/spin_policy.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/metadata.hpp"

namespace zeroduplex::stream {

using detail::Gate;
using platform::Clock;
using platform::TimePoint;

namespace {

constexpr std::size_t small_copy = 4096;  // not worth leaving the mutex for

}  // namespace

std::shared_ptr<WriterCore> WriterCore::attach(std::string name, const WriterSettings& settings) {
  detail::check_timeout(settings.spin_window);
  return {new WriterCore(std::move(name), settings), &WriterCore::dispose};
}

WriterCore::WriterCore(std::string name, const WriterSettings& settings)
    : name_(std::move(name)),
      strategy_(settings.wait),
      spin_window_(settings.spin_window),
      attached_(name_, settings.attach),
      ring_(attached_.buffer()),
      reader_checked_(Clock::now()) {}

void WriterCore::dispose(WriterCore* core) noexcept {
  // A forked child leaves everything as it is: it cannot know what the threads it lost were doing, and owns nothing of it.
  if (!core->gate_.is_foreign()) delete core;
}

void WriterCore::check_usable() {
  if (gate_.is_closed()) throw ClosedError("the writer of '" + name_ + "' was closed");
  if (corrupted_) throw CorruptedError(corruption_);
  if (reader_is_gone_) throw ReaderDeadError("the reader of '" + name_ + "' is gone");
}

void WriterCore::check_reader(TimePoint now) {
  if (attached_.reader_has_left()) {
    reader_is_gone_ = true;
  } else if (now - reader_checked_ >= wire::default_v2_wait_slice) {
    reader_checked_ = now;
    reader_is_gone_ = reader_is_gone_ || !attached_.reader_is_living();
  }
  check_usable();
}

std::uint64_t WriterCore::write(std::span<const std::byte> data, Duration timeout) {
  detail::check_timeout(timeout);
  Lock lock = gate_.enter(name_);
  std::byte* const to = reserve(lock, data.size(), timeout);
  if (data.size() > small_copy) {
    const Gate::Outside outside(gate_, lock);
    std::memcpy(to, data.data(), data.size());
  } else {
    std::memcpy(to, data.data(), data.size());
  }
  return publish();
}

std::byte* WriterCore::acquire(std::size_t size, Duration timeout) {
  detail::check_timeout(timeout);
  Lock lock = gate_.enter(name_);
  return reserve(lock, size, timeout);
}

std::uint64_t WriterCore::commit() {
  const Lock lock = gate_.enter(name_);
  return publish();
}

std::uint64_t WriterCore::publish() {
  /// However it ends.
  struct End {
    WriterCore& core;
    ~End() { core.end_claim(); }
  } const end{*this};
  check_reader(platform::coarse_now());
  platform::NamedSemaphore& written = attached_.data_written();
  const auto full = [this] {
    return SystemError("the reader of '" + name_ + "' has as many frames to read as a semaphore can count");
  };
  // Looked at before: nobody else posts, and a frame without its token would only be found by luck.
  if (written.value() >= wire::semaphore_value_max) throw full();
  const std::uint64_t sequence = ring_.publish(*claim_);
  ring::fence();  // pairs with the fence behind the reader's taking of the token
  if (!written.post()) throw full();
  return sequence;
}

void WriterCore::abort() noexcept {
  if (gate_.is_foreign()) return;
  const Lock lock = gate_.enter_own();
  end_claim();
}

void WriterCore::end_claim() noexcept {
  claim_.reset();
  turns_.wake_first();
  detach_if_unused();
}

std::byte* WriterCore::reserve(Lock& lock, std::size_t size, Duration timeout) {
  check_usable();
  ring_.check_size(size);
  check_reader(platform::coarse_now());
  if (turns_.empty() && !claim_) {
    if (std::byte* const data = try_reserve(size)) return data;
  }
  detail::TurnQueue::Place self(turns_, [this] { return !claim_; });
  detail::Wait wait(timeout);
  bool may_spin = strategy_ != WaitStrategy::block;
  for (;;) {
    const bool has_turn = self.has_turn();
    if (has_turn) {
      if (std::byte* const data = try_reserve(size)) return data;
    }
    const TimePoint now = Clock::now();
    wait.start(now);
    check_reader(now);
    if (wait.is_over(now)) throw_no_room();
    if (has_turn) {
      await_room(lock, wait, may_spin);
      may_spin = strategy_ == WaitStrategy::spin;
    } else {
      gate_.wait(lock, self.wake(), detail::end_of_slice(now, wait.deadline()));
    }
    check_usable();
  }
}

std::byte* WriterCore::try_reserve(std::size_t size) {
  const Place place = ring_.place(size);
  try {
    free_seen_ = ring_.free_bytes();
  } catch (const CorruptedError& e) {
    corrupted_ = true;
    corruption_ = e.detail();
    throw;
  }
  if (free_seen_ < place.need()) return nullptr;
  claim_ = place;
  return ring_.data_at(place);
}

void WriterCore::await_room(Lock& lock, const detail::Wait& wait, bool may_spin) {
  const std::uint64_t& free = attached_.buffer().info().payload_free_bytes;
  const std::uint64_t seen = free_seen_;
  const std::uint32_t interrupts = gate_.interrupts();
  if (may_spin) {
    const Gate::Outside outside(gate_, lock);
    static_cast<void>(detail::spin(
        patience_, [&] { return ring::load_acquire(free) != seen; },
        [&] { return gate_.interrupts() != interrupts || attached_.reader_has_left(); },
        [&](TimePoint now) { return detail::end_of_spin(strategy_, spin_window_, now, wait.deadline()); }));
    return;
  }
  const TimePoint until = detail::end_of_slice(Clock::now(), wait.deadline());
  sleeping_ = true;
  {
    // Only the first in the queue gets here: data-read has one sleeper per process. What it takes may be an old token.
    const Gate::Outside outside(gate_, lock);
    static_cast<void>(attached_.data_read().wait_until(until));
    ring::fence();  // pairs with the fence between the reader's release and its post
  }
  sleeping_ = false;
}

void WriterCore::throw_no_room() const {
  if (claim_) throw AcquisitionOpenError("an acquired frame buffer of '" + name_ + "' was open all the time");
  throw BufferFullError("no room in the ring of '" + name_ +
                        "': " + std::to_string(ring::load_acquire(attached_.buffer().info().payload_free_bytes)) + " of " +
                        std::to_string(attached_.buffer().payload_size()) + " bytes are free");
}

std::uint64_t WriterCore::largest_placeable(std::uint64_t most) {
  const Lock lock = gate_.enter(name_);
  return ring_.largest_placeable(most);
}

bool WriterCore::is_all_read() const noexcept {
  const wire::OiebV1& info = attached_.buffer().info();
  // Pairs with the reader's release store when it takes a frame.
  return ring::load_acquire(info.payload_read_count) == ring::load_acquire(info.payload_written_count);
}

void WriterCore::set_metadata(std::span<const std::byte> content) {
  const Lock lock = gate_.enter(name_);
  check_usable();
  ring::write_metadata(attached_.buffer().info(), attached_.buffer().metadata(), content);
}

bool WriterCore::is_reader_connected() {
  const Lock lock = gate_.enter(name_);
  return !gate_.is_closed() && is_reader_living();
}

bool WriterCore::is_reader_gone() {
  const Lock lock = gate_.enter(name_);
  if (!gate_.is_closed() && !corrupted_) {
    try {
      check_reader(Clock::now());
    } catch (const ReaderDeadError&) {
    }
  }
  return reader_is_gone_;
}

bool WriterCore::is_closed() {
  const Lock lock = gate_.enter(name_);
  return gate_.is_closed();
}

void WriterCore::close() noexcept {
  if (gate_.is_foreign()) return;  // nothing of it is ours
  Lock lock = gate_.enter_own();
  if (gate_.shut()) {
    turns_.wake_all();
    if (sleeping_) {
      ring::fence();  // pairs with the fence behind our own sleeper's wait
      attached_.data_read().post_if_zero();
    }
  }
  gate_.wait_until_all_are_back(lock);
  detach_if_unused();
}

void WriterCore::detach_if_unused() noexcept {
  // Whatever stands in the ring belongs to the next writer once we are detached: not while somebody may be filling a frame.
  if (gate_.is_closed() && !claim_) attached_.detach();
}

}  // namespace zeroduplex::stream
