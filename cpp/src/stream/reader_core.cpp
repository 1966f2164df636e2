#include "stream/reader_core.hpp"

#include <utility>

#include "common/spin_policy.hpp"
#include "platform/process.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/metadata.hpp"

namespace zeroduplex::stream {

using detail::Gate;
using detail::SpinEnd;
using platform::Clock;
using platform::TimePoint;

std::shared_ptr<ReaderCore> ReaderCore::create(std::string name, const BufferConfig& config, ReaderSettings settings) {
  detail::check_timeout(settings.spin_window);
  return {new ReaderCore(std::move(name), config, std::move(settings)), &ReaderCore::dispose};
}

ReaderCore::ReaderCore(std::string name, const BufferConfig& config, ReaderSettings&& settings)
    : name_(std::move(name)),
      settings_(std::move(settings)),
      owned_(name_, config, settings_.mode, settings_.allow_other_users, settings_.wish),
      ring_(owned_.buffer()) {}

void ReaderCore::dispose(ReaderCore* core) noexcept {
  // A forked child leaves everything as it is: it cannot know what the threads it lost were doing, and owns nothing of it.
  if (!core->gate_.is_foreign()) delete core;
}

void ReaderCore::check_usable() {
  if (gate_.is_closed()) throw ClosedError("the reader of '" + name_ + "' was closed");
  if (!failure_) return;
  if (*failure_ == ErrorCode::sequence) throw SequenceError(failure_detail_);
  throw CorruptedError(failure_detail_);
}

std::optional<TakenFrame> ReaderCore::read(Duration timeout, WhenWriterIsGone when_gone, const BeforeTake& before_take) {
  detail::check_timeout(timeout);
  Lock lock = gate_.enter(name_);
  detail::TurnQueue::Place self(turns_, [] { return true; });
  detail::Wait wait(timeout);
  bool may_spin = settings_.wait != WaitStrategy::block;
  for (;;) {
    check_usable();
    const bool has_turn = self.has_turn();
    if (has_turn) {
      if (auto frame = next_frame(lock, before_take)) return frame;
    }
    const TimePoint now = Clock::now();
    wait.start(now);
    const bool over = wait.is_over(now);
    if (has_turn && when_gone == WhenWriterIsGone::fail && (over || now - writer_checked_ >= wire::default_v2_wait_slice)) {
      writer_checked_ = now;
      if (auto frame = after_the_writer(lock, before_take)) return frame;
    }
    if (over) return std::nullopt;
    if (has_turn) {
      await_token(lock, wait, may_spin);
    } else {
      gate_.wait(lock, self.wake(), detail::end_of_slice(now, wait.deadline()));
    }
  }
}

bool ReaderCore::take_token() noexcept { return std::exchange(token_in_hand_, false) || owned_.data_written().try_take(); }

std::optional<TakenFrame> ReaderCore::next_frame(Lock& lock, const BeforeTake& before_take) {
  if (!take_token()) return std::nullopt;
  ring::fence();  // pairs with the fence between the writer's publishing and its post
  // A token without a frame, as our own shut() leaves one, ends the look: however many of them somebody stores, the caller gets to
  // see the clock.
  if (!ring_.has_unread()) return std::nullopt;
  FoundFrame found;
  try {
    found = ring_.look();
  } catch (const CorruptedError& e) {
    fail(e);
    throw;
  }
  return take(lock, found, before_take);
}

TakenFrame ReaderCore::take(Lock& lock, const FoundFrame& found, const BeforeTake& before_take) {
  was_connected_ = true;
  if (before_take) {
    {
      const Gate::Outside outside(gate_, lock);  // our turn keeps other readers away
      before_take(found);
    }
    if (gate_.is_closed()) token_in_hand_ = true;
    check_usable();
  }
  ReadRing::Credit credit;
  const TakenFrame taken = ring_.take(found, credit);
  settle(credit);
  check_usable();
  return taken;
}

std::optional<TakenFrame> ReaderCore::after_the_writer(Lock& lock, const BeforeTake& before_take) {
  const WriterState writer = look_at_writer();
  const bool peer_is_gone = settings_.peer_is_gone && settings_.peer_is_gone();
  if (!peer_is_gone && (writer == WriterState::never_connected || writer == WriterState::alive)) return std::nullopt;
  // It may have posted between our look at the semaphore and the one at its pid.
  if (auto frame = next_frame(lock, before_take)) return frame;
  FoundFrame found;
  if (writer == WriterState::dead && ring_.is_surely_next(found)) return take(lock, found, before_take);  // it died before the post
  throw WriterDeadError("the writer of '" + name_ + "' " + (writer == WriterState::dead ? "is gone" : "has closed") +
                        ", and everything it wrote was read");
}

ReaderCore::WriterState ReaderCore::look_at_writer() noexcept {
  const std::uint64_t pid = writer_pid();
  if (pid != wire::pid_none) {
    was_connected_ = true;
    return platform::is_living(pid) ? WriterState::alive : WriterState::dead;
  }
  // One that came, wrote and left before we looked has left traces.
  return was_connected_ || ring_.has_history() ? WriterState::closed : WriterState::never_connected;
}

void ReaderCore::await_token(Lock& lock, detail::Wait& wait, bool& may_spin) {
  const std::uint32_t interrupts = gate_.interrupts();
  platform::NamedSemaphore& written = owned_.data_written();
  if (may_spin) {
    const Gate::Outside outside(gate_, lock);
    static_cast<void>(detail::spin(
        patience_, [&] { return written.value() != 0; }, [&] { return gate_.interrupts() != interrupts; },
        [&](TimePoint now) { return detail::end_of_spin(settings_.wait, settings_.spin_window, now, wait.deadline()); }));
    may_spin = settings_.wait == WaitStrategy::spin;
    return;
  }
  const TimePoint until = detail::end_of_slice(Clock::now(), wait.deadline());
  sleeping_ = true;
  bool token = false;
  {
    const Gate::Outside outside(gate_, lock);
    token = written.wait_until(until);
  }
  sleeping_ = false;
  token_in_hand_ = token_in_hand_ || token;
  may_spin = settings_.wait == WaitStrategy::spin;
}

void ReaderCore::fail(const CorruptedError& error) noexcept {
  if (failure_) return;
  failure_ = error.code();
  failure_detail_ = error.detail();
  turns_.wake_all();
}

void ReaderCore::settle(const ReadRing::Credit& credit) noexcept {
  if (!credit.sound) fail(CorruptedError("more bytes are free in '" + name_ + "' than its payload has"));
  if (credit.frames == 0) return;
  ring::fence();  // pairs with the fence behind the writer's wait for room
  for (std::uint64_t i = 0; i < credit.frames; ++i) owned_.data_read().post_below(wire::data_read_token_limit);
}

void ReaderCore::release(std::uint64_t slot) noexcept {
  if (gate_.is_foreign()) return;
  const Lock lock = gate_.enter_own();
  settle(ring_.release(slot));
}

std::optional<std::vector<std::byte>> ReaderCore::metadata() {
  const Lock lock = gate_.enter(name_);
  if (gate_.is_closed()) check_usable();
  return ring::find_metadata(owned_.buffer().info(), owned_.buffer().metadata(), ring::Content::at_most);
}

bool ReaderCore::is_writer_connected() {
  const Lock lock = gate_.enter(name_);
  return !gate_.is_closed() && look_at_writer() == WriterState::alive;
}

std::uint64_t ReaderCore::writer_pid() const noexcept {
  // Pairs with the writer's release stores when it attaches and when it closes.
  return ring::load_acquire(owned_.buffer().info().writer_pid);
}

void ReaderCore::shut() noexcept {
  if (gate_.is_foreign()) return;  // nothing of it is ours
  const Lock lock = gate_.enter_own();
  if (!gate_.shut()) return;
  turns_.wake_all();
  if (!sleeping_) return;
  ring::fence();  // pairs with the fence behind our own sleeper's wait
  owned_.data_written().post_if_zero();
}

void ReaderCore::close() noexcept {
  if (gate_.is_foreign()) return;
  shut();
  Lock lock = gate_.enter_own();
  gate_.wait_until_all_are_back(lock);
  owned_.remove();
}

}  // namespace zeroduplex::stream
