#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/error.hpp>
#include <zeroduplex/options.hpp>

#include "common/gate.hpp"
#include "common/spin_policy.hpp"
#include "common/turn_queue.hpp"
#include "common/wait.hpp"
#include "platform/clock.hpp"
#include "stream/owned_buffer.hpp"
#include "stream/read_ring.hpp"

namespace zeroduplex::stream {

/// What a reader is made with.
struct ReaderSettings {
  mode_t mode = wire::default_v2_object_mode;
  WaitStrategy wait = WaitStrategy::hybrid;
  std::chrono::nanoseconds spin_window = wire::default_v2_spin_window;
  /// Whether what another user left behind may be taken over.
  bool allow_other_users = false;
  platform::PageWish wish = {};
  /// Whoever else may be known to be gone, when nothing tells so in the buffer. Thread-safe.
  std::function<bool()> peer_is_gone = nullptr;
};

/// What stands behind a reader and its frames, and behind each end of a v1 duplex channel that reads. It lives as long as one of
/// them. One mutex protects everything; only spinning and sleeping happen outside of it.
class ReaderCore {
 public:
  using Duration = std::chrono::nanoseconds;

  /// Throws as Reader does.
  static std::shared_ptr<ReaderCore> create(std::string name, const BufferConfig& config, ReaderSettings settings);
  ReaderCore(const ReaderCore&) = delete;
  ReaderCore& operator=(const ReaderCore&) = delete;

  enum class WhenWriterIsGone : std::uint8_t { fail, wait };
  /// Called before a frame is taken, outside of the mutex: its position is not published as read yet.
  using BeforeTake = std::function<void(const FoundFrame&)>;
  /// The next frame, nothing when none came in time. Throws WriterDeadError, CorruptedError, SequenceError, ClosedError.
  [[nodiscard]] std::optional<TakenFrame> read(Duration timeout, WhenWriterIsGone when_gone = WhenWriterIsGone::fail,
                                               const BeforeTake& before_take = nullptr);
  void release(std::uint64_t slot) noexcept;

  [[nodiscard]] std::optional<std::vector<std::byte>> metadata();
  [[nodiscard]] bool is_writer_connected();
  [[nodiscard]] std::uint64_t writer_pid() const noexcept;
  [[nodiscard]] std::uint64_t largest_frame() const noexcept { return stream::largest_frame(owned_.buffer().payload_size()); }
  [[nodiscard]] const MemoryReport& memory_report() const noexcept { return owned_.report(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Ends every call that waits and lets nobody read any more. The buffer stays.
  void shut() noexcept;
  /// Shuts, and removes the buffer.
  void close() noexcept;

 private:
  using Lock = detail::Gate::Lock;

  ReaderCore(std::string name, const BufferConfig& config, ReaderSettings&& settings);
  ~ReaderCore() = default;
  static void dispose(ReaderCore* core) noexcept;

  void check_usable();
  [[nodiscard]] bool take_token() noexcept;
  [[nodiscard]] std::optional<TakenFrame> next_frame(Lock& lock, const BeforeTake& before_take);
  [[nodiscard]] TakenFrame take(Lock& lock, const FoundFrame& found, const BeforeTake& before_take);
  [[nodiscard]] std::optional<TakenFrame> after_the_writer(Lock& lock, const BeforeTake& before_take);
  enum class WriterState : std::uint8_t { never_connected, alive, closed, dead };
  [[nodiscard]] WriterState look_at_writer() noexcept;
  void await_token(Lock& lock, detail::Wait& wait, bool& may_spin);
  void fail(const CorruptedError& error) noexcept;
  void settle(const ReadRing::Credit& credit) noexcept;

  const std::string name_;
  const ReaderSettings settings_;
  detail::Gate gate_;
  OwnedBuffer owned_;
  ReadRing ring_;

  detail::TurnQueue turns_;  // readers; the first waits for the writer, the others for it
  bool token_in_hand_ = false;
  detail::Patience patience_;
  bool sleeping_ = false;
  bool was_connected_ = false;  // a writer was seen
  platform::TimePoint writer_checked_{};
  std::optional<ErrorCode> failure_;
  std::string failure_detail_;
};

}  // namespace zeroduplex::stream
