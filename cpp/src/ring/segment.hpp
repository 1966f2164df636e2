#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <zeroduplex/generated/wire.hpp>

namespace zeroduplex::ring {

/// A segment's memory with its regions where the layout puts them. The sizes were checked when the segment was created or attached;
/// they are never read from shared memory again.
class Segment {
 public:
  Segment() noexcept = default;
  Segment(std::byte* base, const wire::SegmentV2& layout) noexcept : base_(base), layout_(layout) {}

  [[nodiscard]] wire::OiebV2& request() const noexcept { return at<wire::OiebV2>(layout_.oieb_request.offset); }
  [[nodiscard]] wire::OiebV2& response() const noexcept { return at<wire::OiebV2>(layout_.oieb_response.offset); }
  [[nodiscard]] std::span<std::byte> metadata_request() const noexcept { return region(layout_.metadata_request); }
  [[nodiscard]] std::span<std::byte> metadata_response() const noexcept { return region(layout_.metadata_response); }

  [[nodiscard]] std::uint64_t payload_size() const noexcept { return layout_.payload.size; }
  /// `position` is a multiple of 64 below payload_size().
  [[nodiscard]] wire::FrameHeaderV2& header_at(std::uint64_t position) const noexcept {
    return at<wire::FrameHeaderV2>(layout_.payload.offset + position);
  }
  [[nodiscard]] std::byte* data_at(std::uint64_t position) const noexcept {
    return base_ + layout_.payload.offset + position + wire::frame_header_v2_size;
  }
  [[nodiscard]] const wire::SegmentV2& layout() const noexcept { return layout_; }

 private:
  template <typename T>
  [[nodiscard]] T& at(std::uint64_t offset) const noexcept {
    return *reinterpret_cast<T*>(base_ + offset);
  }
  [[nodiscard]] std::span<std::byte> region(const wire::Region& r) const noexcept { return {base_ + r.offset, r.size}; }

  std::byte* base_ = nullptr;
  wire::SegmentV2 layout_{};
};

/// Callers bound n, so that it cannot overflow.
[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t n) noexcept {
  return (n + wire::block_alignment - 1) / wire::block_alignment * wire::block_alignment;
}

}  // namespace zeroduplex::ring
