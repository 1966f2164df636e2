#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <zeroduplex/duplex_client.hpp>
#include <zeroduplex/options.hpp>

#include "client/attachment.hpp"
#include "client/view_owner.hpp"
#include "common/mutex.hpp"
#include "common/signal.hpp"
#include "common/spin_policy.hpp"
#include "common/turn_queue.hpp"
#include "common/wait.hpp"
#include "platform/clock.hpp"
#include "platform/fork.hpp"
#include "ring/client_ring.hpp"

namespace zeroduplex::detail {

/// What stands behind a client, its responses and its request buffers. It lives until the client is destroyed and the last of the
/// others is given back. One mutex protects everything; only spinning, sleeping and copying large requests happen outside of it.
class Channel final : public ViewOwner {
 public:
  using Duration = std::chrono::nanoseconds;

  Channel(std::string name, const ClientOptions& options);

  // Of the client.
  std::uint64_t send(const Request& request, Duration timeout);
  RequestBuffer acquire(std::size_t size, std::size_t capacity, Duration timeout);
  Response receive(Duration timeout);
  Response receive(std::uint64_t sequence, Duration timeout);
  Response call(const Request& request, Duration send_timeout, Duration timeout);
  bool cancel(std::uint64_t sequence);
  void set_metadata(std::span<const std::byte> data);
  std::vector<std::byte> server_metadata();
  bool is_server_connected();
  [[nodiscard]] const MemoryReport& memory_report() const noexcept { return attachment_.report(); }
  void close();
  /// Closes, and ends the life of the channel unless views are out.
  static void drop_client(Channel* channel) noexcept;

  // Of the views that are out.
  std::uint64_t commit(RequestBuffer& buffer) override;
  void abort() noexcept override;
  void release(std::uint64_t sequence) noexcept override;

 private:
  using Lock = std::unique_lock<Mutex>;

  /// A receiver that waits while another one sleeps on the semaphore.
  struct Receiver {
    std::optional<std::uint64_t> sequence;
    Signal wake;
    Receiver* next = nullptr;
  };
  class Receiving;
  class Outside;

  enum class OnTimeout : std::uint8_t { keep, give_up };

  ~Channel() = default;

  /// Whether this process is a forked child, to which nothing of this belongs.
  [[nodiscard]] bool is_foreign() const noexcept { return fork_generation_ != platform::fork_generation(); }

  // channel.cpp
  void check_owner() const;
  [[noreturn]] void throw_foreign() const;
  Lock enter();
  void check_usable();
  [[noreturn]] void throw_unusable();
  void look_at_peer(platform::TimePoint now);
  void check_peer_if_due(platform::TimePoint now, Duration interval);
  void fail(ErrorCode code, std::string detail) noexcept;
  void wake_everybody() noexcept;
  void detach_if_unused() noexcept;
  void wait_inside(Lock& lock, Signal& wake, platform::TimePoint until);
  void come_back() noexcept;
  void end_view(Lock lock) noexcept;
  [[nodiscard]] std::string lost_requests();

  // send.cpp
  /// Sends by copying while nobody else is at it and nothing is in flight. Under the mutex. Null: it is not as simple as that, and
  /// nothing was done.
  [[nodiscard]] ring::InFlight* send_alone(const Request& request, Duration timeout) noexcept;
  /// Sends by copying; leaves the mutex taken by `lock`.
  ring::InFlight& send_by(Lock& lock, const Request& request, Duration timeout);
  std::byte* reserve(Lock& lock, std::uint64_t capacity, Duration timeout);
  std::byte* try_reserve(std::uint64_t capacity);
  void await_room(Lock& lock, Wait& wait, bool may_spin);
  [[noreturn]] void throw_no_room() const;
  ring::InFlight& publish(std::uint64_t size, std::uint32_t opcode, bool one_way) noexcept;
  void announce() noexcept;
  void pass_turn() noexcept;

  // receive.cpp
  Response receive_claimed(Lock lock, std::optional<std::uint64_t> sequence, Duration timeout, OnTimeout on_timeout);
  [[nodiscard]] bool spin_for_quick_response(const wire::FrameHeaderV2& header) noexcept;
  std::optional<Response> try_deliver(const std::optional<std::uint64_t>& sequence);
  [[nodiscard]] ring::InFlight* find_answered(const std::optional<std::uint64_t>& sequence, std::optional<ring::Answer>& answer);
  [[nodiscard]] std::size_t first_answered(std::size_t count, std::optional<ring::Answer>& answer);
  [[noreturn]] void throw_failure(ring::InFlight& frame, const ring::Answer& answer);
  [[nodiscard]] bool spin_for_answer(Lock& lock, const std::optional<std::uint64_t>& sequence, Wait& wait);
  void sleep_for_answer(Lock& lock, Receiver& self, Wait& wait);
  void give_up(std::uint64_t sequence) noexcept;
  void after_release() noexcept;
  void announce_release() noexcept;
  void wake_receivers() noexcept;
  void wake_answered_receivers() noexcept;

  const std::string name_;
  const WaitStrategy strategy_;
  const Duration spin_window_;
  const std::uint32_t fork_generation_;

  Mutex mutex_;
  Attachment attachment_;
  ring::ClientRing ring_;

  /// Senders. The first in the queue may claim once no claim is open; it stays there while it waits for room.
  TurnQueue turns_;
  Receiver* receivers_ = nullptr;
  bool receiver_sleeps_ = false;  // the role of sleeping on response-ready is taken
  std::uint32_t outside_ = 0;     // calls that left the mutex and will be back
  std::uint32_t views_ = 0;       // responses and request buffers that are out
  std::condition_variable_any all_inside_;

  bool closed_ = false;
  bool has_client_ = true;
  bool heard_ = true;  // a response was released since the last request: the server need not be looked at
  std::optional<ErrorCode> failure_;
  std::string failure_detail_;
  platform::TimePoint peer_checked_;
  Patience answer_patience_;                  // of calls that spin for a response
  Patience room_patience_;                    // of the sender that spins for room
  std::atomic<std::uint32_t> interrupts_{0};  // changes when spinning calls must look at closed_ and failure_
  std::atomic<std::uint32_t> releases_{0};    // changes when a spinning sender may find room
};

}  // namespace zeroduplex::detail
