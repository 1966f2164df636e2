#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <zeroduplex/generated/wire.hpp>

namespace zeroduplex::ring {

/// A published frame as its client knows it. Slots are used again: publish() sets what push() does not.
struct InFlight {
  std::uint64_t sequence = 0;
  std::uint64_t position = 0;
  std::uint64_t capacity = 0;
  std::uint64_t waste = 0;  // bytes before it that it brought along; reclaimed with it or before
  wire::FrameHeaderV2* header = nullptr;
  std::uint32_t opcode = 0;
  bool one_way = false;
  bool cancelled = false;
  bool abandoned = false;
  bool released = false;
  /// Somebody waits for the response by number, or has it: "receive any" must not deliver it.
  bool claimed = false;
};

/// The frames in flight in ring order, their sequence numbers consecutive. Allocates only while it grows.
class InFlightQueue {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] InFlight& operator[](std::size_t i) noexcept { return slots_[(first_ + i) & (room_ - 1)]; }
  [[nodiscard]] InFlight& front() noexcept { return slots_[first_]; }

  [[nodiscard]] bool has_room() const noexcept { return size_ < room_; }
  /// Makes room for one more; the only function that throws.
  void reserve_one() {
    if (has_room()) return;
    const std::size_t room = room_ == 0 ? 16 : room_ * 2;  // a power of two, for the mask
    std::vector<InFlight> larger(room);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = (*this)[i];
    slots_.swap(larger);
    room_ = room;
    first_ = 0;
  }
  /// Adds a fresh one.
  InFlight& push() noexcept {
    InFlight& slot = (*this)[size_++];
    slot.cancelled = slot.abandoned = slot.released = slot.claimed = false;
    return slot;
  }
  void pop() noexcept {
    first_ = (first_ + 1) & (room_ - 1);
    --size_;
  }

 private:
  std::vector<InFlight> slots_;
  std::size_t room_ = 0;  // of slots_, which would have to divide for it
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace zeroduplex::ring
