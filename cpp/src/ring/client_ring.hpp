#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <zeroduplex/generated/wire.hpp>
#include <zeroduplex/options.hpp>

#include "platform/cpu.hpp"
#include "ring/in_flight.hpp"
#include "ring/ring_offset.hpp"
#include "ring/segment.hpp"

namespace zeroduplex::ring {

/// An answered frame, read once and checked.
struct Answer {
  std::byte* data;
  std::uint64_t size;
  std::int32_t status;
  bool failed;
};

/// The client's end of the ring: it alone moves head and tail. What is in flight, where and how large, it knows from its private
/// list and never from shared memory. Knows nothing of semaphores, locks and time. Not thread-safe: the channel's mutex protects
/// it.
class ClientRing {
 public:
  /// Starts at what a reset leaves behind: everything zero, everything free.
  ClientRing(const Segment& segment, Lap lap) noexcept : segment_(segment), lap_(lap) {}

  [[nodiscard]] bool can_ever_fit(std::uint64_t capacity) const noexcept {
    return capacity <= segment_.payload_size() - wire::frame_header_v2_size;
  }

  /// Claims room for a frame of this capacity, a multiple of 64 that can ever fit. Null: no room until something is reclaimed. One
  /// claim at a time, closed by publish() or abort().
  [[nodiscard]] std::byte* reserve(std::uint64_t capacity);
  [[nodiscard]] bool has_claim() const noexcept { return open_; }
  void abort() noexcept { open_ = false; }
  /// Makes the claim a frame with the next sequence number. The caller then passes a fence and posts request-ready.
  InFlight& publish(std::uint64_t size, std::uint32_t opcode, bool one_way) noexcept;
  /// What reserve(), copying the data in and publish() do, in one step, while nothing is in flight or claimed. `capacity` is a
  /// multiple of 64 that holds the data. Null: it is not as simple as that, and nothing was done.
  [[nodiscard]] InFlight* publish_alone(std::span<const std::byte> data, std::uint64_t capacity, std::uint32_t opcode) noexcept;

  /// Null when no frame in flight has this number.
  [[nodiscard]] InFlight* find(std::uint64_t sequence) noexcept;
  [[nodiscard]] std::size_t in_flight() const noexcept { return frames_.size(); }
  [[nodiscard]] InFlight& at(std::size_t i) noexcept { return frames_[i]; }

  /// The answer to a frame that is not cancelled, abandoned or released; nothing while it is not answered. Throws CorruptedError.
  [[nodiscard]] std::optional<Answer> answer(const InFlight& frame) const;
  /// Fetches the cache lines that releasing the frame and publishing the next one will write, all at the same time and while the
  /// answer is read: the stores would fetch them one after another. A hint; it may be called without the lock.
  void fetch_ahead(const wire::FrameHeaderV2& header) const noexcept {
    platform::fetch_for_writing(&header);
    platform::fetch_for_writing(&segment_.response().payload_read_count);
    platform::fetch_for_writing(&segment_.request().payload_written_count);
  }
  /// Gives an answered frame back; reclaim() makes room of it.
  void release(InFlight& frame) noexcept;
  /// What release() and reclaim() do, in one step, where nothing else is in flight. False: something is, and nothing was done.
  [[nodiscard]] bool release_alone(std::uint64_t sequence) noexcept;
  /// Takes a request back. False: the server was faster.
  [[nodiscard]] bool cancel(InFlight& frame) noexcept;
  /// Says that nobody will read the answer.
  void abandon(InFlight& frame) noexcept;

  /// Takes back, in ring order, what is done with. Returns whether it released late answers to abandoned requests. Throws
  /// CorruptedError.
  bool reclaim();

  /// Bytes that no published frame and no waste claims.
  [[nodiscard]] std::uint64_t free_bytes() const noexcept { return segment_.payload_size() - claimed_; }

 private:
  struct Claim {
    RingOffset start;  // of the header
    std::uint64_t capacity = 0;
    std::uint64_t waste = 0;  // bytes from the head to the end of the payload, behind a WRAP marker
  };

  [[nodiscard]] bool place(std::uint64_t capacity) noexcept;
  [[nodiscard]] RingOffset start_alone(std::uint64_t total) const noexcept;
  InFlight& publish(const Claim& claim, std::uint64_t size, std::uint32_t opcode, std::uint32_t flags) noexcept;
  [[nodiscard]] bool is_over(const InFlight& frame) const;
  bool release_late_answers() noexcept;
  void store_free() const noexcept;

  Segment segment_;
  Lap lap_;
  RingOffset head_;            // end of what was published
  std::uint64_t claimed_ = 0;  // bytes of published frames not reclaimed, waste included
  std::uint64_t last_sequence_ = 0;
  std::uint64_t consumed_ = 0;   // response read_count
  std::uint64_t abandoned_ = 0;  // frames abandoned and not released
  bool open_ = false;
  Claim claim_;
  InFlightQueue frames_;
};

}  // namespace zeroduplex::ring
