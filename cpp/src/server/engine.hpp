#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/duplex_server.hpp>
#include <zeroduplex/options.hpp>

#include "common/mutex.hpp"
#include "common/spin_policy.hpp"
#include "platform/clock.hpp"
#include "ring/server_cursor.hpp"
#include "server/frame_access.hpp"
#include "server/handling.hpp"
#include "server/server_segment.hpp"

namespace zeroduplex::detail {

/// Serves one segment from its creation until it is stopped or given up. Workers run work(), one more thread runs supervise(). One
/// mutex protects everything; only handlers, spinning and sleeping happen outside of it.
class Engine {
 public:
  using Handler = IInPlaceDuplexServer::Handler;
  using Report = std::function<void(const Error&)>;

  Engine(const std::string& name, const BufferConfig& config, const ServerOptions& options,
         const std::optional<std::vector<std::byte>>& metadata, Report report);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Lets workers take requests.
  void start();
  /// The life of one worker. Returns when the engine was stopped or given up.
  void work(const Handler& handler);

  enum class Verdict : std::uint8_t { stopped, give_up };
  /// Resets the segment when a client is gone. Returns when the engine was stopped, or when handlers of a client that is gone run
  /// on for so long that the segment must be given up.
  [[nodiscard]] Verdict supervise();
  /// Removes the segment's name and lock. Workers end when their handlers do.
  void give_up() noexcept;

  /// Takes nothing new from now on.
  void request_stop() noexcept;
  /// Waits for handlers and for the client to consume its responses, then removes the segment. False: handlers
  /// still run or responses were not consumed.
  [[nodiscard]] bool stop(platform::TimePoint deadline) noexcept;

  void set_metadata(std::span<const std::byte> data);
  [[nodiscard]] std::vector<std::byte> client_metadata();
  [[nodiscard]] bool is_client_connected();
  [[nodiscard]] const MemoryReport& memory_report() const noexcept { return segment_.report(); }

 private:
  using Lock = std::unique_lock<Mutex>;

  enum class Phase : std::uint8_t {
    idle,       // not started
    serving,    // workers take requests
    passing,    // the client is gone: run its one-way requests, skip the others, then reset
    corrupted,  // nothing is taken until the client is gone
    ended,      // stopped or given up
  };

  // engine.cpp
  void enter_phase(Phase phase) noexcept;
  void wake_looker() noexcept;
  [[nodiscard]] bool client_is_gone() noexcept;
  void report(const Error& error) const noexcept;

  // engine_work.cpp
  [[nodiscard]] bool next_request(ring::RequestFrame& request);
  [[nodiscard]] bool take_next(ring::RequestFrame& request);
  void serve(Lock& lock, const Handler& handler, FrameAccess& access, const ring::RequestFrame& request);
  /// What the only worker does while nothing disturbs: everything without the mutex.
  void serve_alone(Lock& lock, const Handler& handler, FrameAccess& access, ring::RequestFrame& request);
  void answer(const ring::RequestFrame& request, const Outcome& outcome, const FrameAccess& access) const;
  void report_unanswered(const ring::RequestFrame& request, const std::string& error) const;
  void settle(const ring::RequestFrame& request, const Outcome& outcome) noexcept;
  void wait_for_work(Lock& lock);
  void look_out(Lock& lock);
  void watch_for_request(std::uint64_t passed) noexcept;
  void found_corruption(const Error& error) noexcept;

  // engine_reset.cpp
  void begin_passing() noexcept;
  [[nodiscard]] bool is_quiet() const noexcept { return running_ == 0 && !looking_; }
  [[nodiscard]] bool reset() noexcept;

  const WaitStrategy strategy_;
  const bool alone_;  // there is one worker
  const std::chrono::nanoseconds spin_window_;
  const std::chrono::nanoseconds reset_timeout_;
  const Report report_;

  Mutex mutex_;
  ServerSegment segment_;
  ring::ServerCursor cursor_;
  std::atomic<Phase> phase_{Phase::idle};  // changed under the mutex; spinning workers read it
  bool started_ = false;
  bool passed_all_ = false;  // in phase passing: nothing is left to pass
  platform::TimePoint passing_since_;
  std::uint32_t running_ = 0;                // handlers
  Patience patience_;                        // of whoever spins for requests
  bool looking_ = false;                     // the role of spinning or sleeping on request-ready is taken
  std::uint32_t waiting_ = 0;                // workers without a request and without that role
  std::condition_variable_any work_;         // such workers sleep here
  std::condition_variable_any supervision_;  // the supervisor and stop() sleep here
};

}  // namespace zeroduplex::detail
