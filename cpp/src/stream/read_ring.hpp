#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include <zeroduplex/generated/wire.hpp>

#include "stream/buffer.hpp"

namespace zeroduplex::stream {

/// A frame under the reader's position: its header as it was read, once, and checked.
struct FoundFrame {
  std::uint64_t position = 0;
  std::uint64_t size = 0;
  std::uint64_t sequence = 0;
  /// Bytes passed to get there, and the markers among them.
  std::uint64_t waste = 0;
  std::uint64_t markers = 0;

  /// Whether a writer begins with it.
  [[nodiscard]] bool is_first() const noexcept { return sequence == wire::first_sequence; }
};

/// A frame that the reader has and the writer may not touch until release(slot).
struct TakenFrame {
  std::byte* data = nullptr;
  std::size_t size = 0;
  std::uint64_t sequence = 0;
  std::uint64_t slot = 0;
};

/// The reader's end of a v1 ring. Nothing that it reads is trusted. Knows nothing of semaphores, pids and time. Not thread-safe.
class ReadRing {
 public:
  /// Starts where creation leaves the ring.
  explicit ReadRing(const Buffer& buffer) noexcept : buffer_(buffer) {}

  /// Whether more was written than read.
  [[nodiscard]] bool has_unread() const noexcept;
  /// Whether anything was ever written.
  [[nodiscard]] bool has_history() const noexcept;
  /// Reads the header of the next frame, which stays. Only when the writer said that there is one. Throws CorruptedError,
  /// SequenceError.
  [[nodiscard]] FoundFrame look() const;
  /// The same without being told, for a writer that died in between: whether a frame stands there that can only be the next one.
  [[nodiscard]] bool is_surely_next(FoundFrame& found) const;

  /// How many frames were given back to the writer, and whether its account is still possible.
  struct Credit {
    std::uint64_t frames = 0;
    bool sound = true;
  };
  /// Moves behind a frame that was found.
  [[nodiscard]] TakenFrame take(const FoundFrame& found, Credit& credit);
  /// In any order; each once. Room goes back in the order of the ring.
  [[nodiscard]] Credit release(std::uint64_t slot) noexcept;

 private:
  /// A piece of the ring that was read: a frame, or the waste that was passed.
  struct Piece {
    std::uint64_t bytes;
    bool is_frame;
    bool released;
  };
  [[nodiscard]] Credit give_back() noexcept;

  Buffer buffer_;
  std::uint64_t position_ = 0;
  std::uint64_t read_count_ = 0;
  std::uint64_t expected_ = wire::first_sequence;
  std::deque<Piece> pieces_;  // in the order of the ring, the oldest not given back
  std::uint64_t first_slot_ = 0;
};

}  // namespace zeroduplex::stream
