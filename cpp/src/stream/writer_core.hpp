#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <zeroduplex/error.hpp>
#include <zeroduplex/options.hpp>

#include "common/gate.hpp"
#include "common/spin_policy.hpp"
#include "common/turn_queue.hpp"
#include "common/wait.hpp"
#include "platform/clock.hpp"
#include "stream/attached_buffer.hpp"
#include "stream/write_ring.hpp"

namespace zeroduplex::stream {

/// What a writer is made with.
struct WriterSettings {
  AttachSettings attach;
  WaitStrategy wait = WaitStrategy::hybrid;
  std::chrono::nanoseconds spin_window = wire::default_v2_spin_window;
};

/// What stands behind a writer and its frame buffer, and behind each end of a v1 duplex channel that writes. It lives as long as
/// one of them. One mutex protects everything; only spinning, sleeping and copying large frames happen outside of it.
class WriterCore {
 public:
  using Duration = std::chrono::nanoseconds;

  /// Throws as Writer does.
  static std::shared_ptr<WriterCore> attach(std::string name, const WriterSettings& settings);
  WriterCore(const WriterCore&) = delete;
  WriterCore& operator=(const WriterCore&) = delete;

  /// Copies a frame in. Throws as acquire() and commit().
  std::uint64_t write(std::span<const std::byte> data, Duration timeout);
  /// Room for one frame, to be closed by commit() or abort(). Throws InvalidFrameSizeError, FrameTooLargeError,
  /// FrameUnplaceableError, BufferFullError, AcquisitionOpenError, ReaderDeadError, CorruptedError, ClosedError.
  [[nodiscard]] std::byte* acquire(std::size_t size, Duration timeout);
  /// Publishes the acquired frame. Closes the acquisition however it ends.
  std::uint64_t commit();
  void abort() noexcept;

  /// The largest frame of at most so many bytes that acquire() takes at the present position.
  [[nodiscard]] std::uint64_t largest_placeable(std::uint64_t most);
  [[nodiscard]] std::uint64_t largest_frame() const noexcept { return stream::largest_frame(attached_.buffer().payload_size()); }
  /// Frames and markers written into the buffer, and read from it.
  [[nodiscard]] const MemoryReport& memory_report() const noexcept { return attached_.report(); }
  [[nodiscard]] bool is_all_read() const noexcept;
  void set_metadata(std::span<const std::byte> content);
  /// Asks the kernel, without the mutex.
  [[nodiscard]] bool is_reader_living() const noexcept { return attached_.reader_is_living(); }
  /// The same, and this writer is not closed.
  [[nodiscard]] bool is_reader_connected();
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Whether the reader is gone, asking the kernel once a slice.
  [[nodiscard]] bool is_reader_gone();
  [[nodiscard]] bool is_closed();

  /// Ends every call that waits and lets nobody write any more. Makes room for another writer at once, or when the acquired frame
  /// is given back.
  void close() noexcept;

 private:
  using Lock = detail::Gate::Lock;

  WriterCore(std::string name, const WriterSettings& settings);
  ~WriterCore() = default;
  static void dispose(WriterCore* core) noexcept;

  void check_usable();
  void check_reader(platform::TimePoint now);
  std::byte* reserve(Lock& lock, std::size_t size, Duration timeout);
  [[nodiscard]] std::byte* try_reserve(std::size_t size);
  void await_room(Lock& lock, const detail::Wait& wait, bool may_spin);
  [[noreturn]] void throw_no_room() const;
  std::uint64_t publish();
  void end_claim() noexcept;
  void detach_if_unused() noexcept;

  const std::string name_;
  const WaitStrategy strategy_;
  const std::chrono::nanoseconds spin_window_;
  detail::Gate gate_;
  AttachedBuffer attached_;
  WriteRing ring_;

  detail::TurnQueue turns_;      // writers; the first waits for room, the others for it and for the claim's end
  std::optional<Place> claim_;   // the acquired frame
  std::uint64_t free_seen_ = 0;  // when room was last looked for
  detail::Patience patience_;
  bool sleeping_ = false;
  platform::TimePoint reader_checked_;
  bool reader_is_gone_ = false;
  bool corrupted_ = false;
  std::string corruption_;
};

}  // namespace zeroduplex::stream
