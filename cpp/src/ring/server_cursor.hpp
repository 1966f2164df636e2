#pragma once

#include <cstddef>
#include <cstdint>

#include <zeroduplex/generated/wire.hpp>

#include "ring/ring_offset.hpp"
#include "ring/segment.hpp"

namespace zeroduplex::ring {

/// A frame under the server's cursor or taken by it: its header as it was read, once, and checked.
class RequestFrame {
 public:
  std::byte* data = nullptr;
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;
  std::uint64_t capacity = 0;
  std::uint32_t opcode = 0;
  bool one_way = false;
  bool cancelled = false;

  /// Publishes the answer. From here on the bytes are the client's.
  void answer(wire::FrameState state, std::uint64_t response_size, std::int32_t status) const noexcept;
  /// Ends a one-way request. From here on the bytes are the client's.
  void finish() const noexcept;
  /// Looks, behind the fence that follows answer(), whether the client has given the answer up. The client may have reused the
  /// bytes by then: the worst that a wrong yes does is one wake-up too many.
  [[nodiscard]] bool is_abandoned() const noexcept;

 private:
  friend class ServerCursor;
  wire::FrameHeaderV2* header_ = nullptr;
};

/// The server's end of the ring: a cursor over what the client published. Nothing that it reads is trusted. Knows nothing of
/// semaphores, locks and time. Not thread-safe: the server's mutex protects it.
class ServerCursor {
 public:
  /// Starts where create and reset leave the ring.
  explicit ServerCursor(const Segment& segment) noexcept : segment_(segment) {}

  /// One load: whether the published count differs from `passed`. Thread-safe.
  [[nodiscard]] bool has_published(std::uint64_t passed) const noexcept;
  /// Frames passed since the last reset.
  [[nodiscard]] std::uint64_t passed() const noexcept { return passed_; }
  /// Whether more frames than passed were published when look() last looked.
  [[nodiscard]] bool may_have_more() const noexcept { return seen_ > passed_; }

  /// Reads the frame under the cursor, which stays. False: none is published. Throws CorruptedError.
  [[nodiscard]] bool look(RequestFrame& frame);
  /// Makes the frame the server's and passes it. False: the client has cancelled it meanwhile. Throws CorruptedError.
  [[nodiscard]] bool take(const RequestFrame& frame);
  /// Ends a cancelled frame and passes it. The caller then passes a fence and posts space-available.
  void skip(const RequestFrame& frame) noexcept;
  /// Passes a frame without touching it, for a client that is gone.
  void pass(const RequestFrame& frame) noexcept;

  /// Adds one response to the response block. Behind answer(): the counters are no part of the critical path.
  void count_response(std::uint64_t size) noexcept;
  /// Whether the client has consumed every response.
  [[nodiscard]] bool is_drained() const noexcept;

  /// Puts both blocks back to what an attaching client expects, except for the pids, and the cursor to the start.
  void reset() noexcept;

 private:
  /// What can be wrong with the frame under the cursor.
  enum class Fault : std::uint8_t { none, state, sequence, capacity, size };

  void read(RequestFrame& frame, std::uint64_t written_bytes);
  [[nodiscard]] Fault find_fault(const RequestFrame& frame, wire::FrameState state, std::uint64_t room) const noexcept;

  // What a client does wrong, said out of the way of what it does right.
  [[noreturn]] void refuse_count(std::uint64_t count) const;
  [[noreturn]] void refuse_bytes(std::uint64_t written_bytes) const;
  [[noreturn]] void refuse_room(std::uint64_t available) const;
  [[noreturn]] void refuse_frame(Fault fault, const RequestFrame& frame, wire::FrameState state, std::uint64_t room) const;
  [[noreturn]] static void refuse_wrap(std::uint64_t position);
  static void check_cancelled(const RequestFrame& frame);

  Segment segment_;
  RingOffset cursor_;
  std::uint64_t passed_ = 0;
  std::uint64_t seen_ = 0;  // highest published count seen
  std::uint64_t responses_ = 0;
  std::uint64_t response_bytes_ = 0;
};

}  // namespace zeroduplex::ring
