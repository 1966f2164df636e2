#include "foresight.hpp"

#include <algorithm>
#include <cstring>

namespace zeroduplex::fuzz {

namespace {

template <typename T>
T get(std::span<const std::byte> from, std::size_t offset) {
  T value;
  std::memcpy(&value, from.data() + offset, sizeof value);
  return value;
}

void set_state(std::span<std::byte> header, wire::FrameState state) {
  const auto value = static_cast<std::int32_t>(state);
  std::memcpy(header.data() + wire::frame_header_v2_state_offset, &value, sizeof value);
}

}  // namespace

Outlook Foresight::look(std::span<std::byte> segment) {
  const std::span<const std::byte> block = segment.subspan(layout_.oieb_request.offset);
  const auto count = get<std::uint64_t>(block, wire::oieb_v2_payload_written_count_offset);
  const auto written = get<std::uint64_t>(block, wire::oieb_v2_payload_written_bytes_offset);
  if (count < seen_) return {.kind = Outlook::Kind::corrupt};
  seen_ = count;
  if (count == passed_) return {};
  const std::uint64_t size = layout_.payload.size;
  if ((written - cursor_) % wire::block_alignment != 0 || written - cursor_ >= wire::cursor_lap_limit * size) {
    return {.kind = Outlook::Kind::corrupt};
  }
  while (written - cursor_ > size) cursor_ += size - cursor_ % size;
  return read(segment.subspan(layout_.payload.offset), written);
}

Outlook Foresight::read(std::span<std::byte> payload, std::uint64_t written_bytes) {
  const std::uint64_t size = layout_.payload.size;
  for (bool marked = false;; marked = true) {
    const std::uint64_t position = cursor_ % size;
    const std::uint64_t written = written_bytes - cursor_;
    if (written < wire::frame_header_v2_size) return {.kind = Outlook::Kind::corrupt};
    const std::span<std::byte> header = payload.subspan(position);
    const auto state = static_cast<wire::FrameState>(get<std::int32_t>(header, wire::frame_header_v2_state_offset));
    if (state == wire::FrameState::wrap) {
      if (marked || position == 0 || written <= size - position) return {.kind = Outlook::Kind::corrupt};
      cursor_ += size - position;
      continue;
    }
    const bool cancelled = state == wire::FrameState::cancelled;
    const std::uint64_t room = std::min(size - position, written) - wire::frame_header_v2_size;
    Outlook found{cancelled ? Outlook::Kind::cancelled : Outlook::Kind::request,
                  position,
                  get<std::uint64_t>(header, wire::frame_header_v2_sequence_number_offset),
                  get<std::uint64_t>(header, wire::frame_header_v2_payload_size_offset),
                  get<std::uint64_t>(header, wire::frame_header_v2_capacity_offset),
                  get<std::uint32_t>(header, wire::frame_header_v2_opcode_offset),
                  (get<std::uint32_t>(header, wire::frame_header_v2_flags_offset) & wire::frame_flags_one_way) != 0};
    if ((!cancelled && state != wire::FrameState::request) || found.sequence != passed_ + 1 ||
        found.capacity % wire::block_alignment != 0 || found.capacity > room || found.size > found.capacity) {
      return {.kind = Outlook::Kind::corrupt};
    }
    cursor_ += wire::frame_header_v2_size + found.capacity;
    ++passed_;
    set_state(header, cancelled || found.one_way ? wire::FrameState::consumed : wire::FrameState::response);
    if (!cancelled) std::memset(header.data() + wire::frame_header_v2_size, 0, found.size);
    return found;
  }
}

}  // namespace zeroduplex::fuzz
