#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/generated/wire.hpp>

namespace zeroduplex::stream {

/// A v1 buffer's memory with its regions where the layout puts them. The sizes were checked when the buffer was created or
/// attached; they are never read from shared memory again.
class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(std::byte* base, const wire::SegmentV1& layout) noexcept : base_(base), layout_(layout) {}

  [[nodiscard]] wire::OiebV1& info() const noexcept { return *reinterpret_cast<wire::OiebV1*>(base_ + layout_.oieb.offset); }
  [[nodiscard]] std::span<std::byte> metadata() const noexcept { return {base_ + layout_.metadata.offset, layout_.metadata.size}; }
  [[nodiscard]] std::uint64_t payload_size() const noexcept { return layout_.payload.size; }
  [[nodiscard]] std::byte* data_at(std::uint64_t position) const noexcept {
    return base_ + layout_.payload.offset + position + wire::frame_header_v1_size;
  }

  /// Headers stand anywhere, so they are copied.
  [[nodiscard]] wire::FrameHeaderV1 load_header(std::uint64_t position) const noexcept {
    wire::FrameHeaderV1 header;
    std::memcpy(&header, base_ + layout_.payload.offset + position, sizeof header);
    // Once, as ring::load_once() for fields that are aligned: behind this the compiler must not read the peer's memory again.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return header;
  }
  void store_header(std::uint64_t position, const wire::FrameHeaderV1& header) const noexcept {
    std::memcpy(base_ + layout_.payload.offset + position, &header, sizeof header);
  }

  [[nodiscard]] const wire::SegmentV1& layout() const noexcept { return layout_; }

 private:
  std::byte* base_ = nullptr;
  wire::SegmentV1 layout_{};
};

/// Largest data of any frame in a payload of this size.
[[nodiscard]] constexpr std::uint64_t largest_frame(std::uint64_t payload_size) noexcept {
  const std::uint64_t data = payload_size < wire::frame_header_v1_size ? 0 : payload_size - wire::frame_header_v1_size;
  return data < wire::max_frame_data ? data : wire::max_frame_data;
}

/// The layout that a configuration asks for. Throws InvalidArgumentError.
[[nodiscard]] wire::SegmentV1 resolve(const BufferConfig& config);

/// Fills the operation info of a new buffer, whose memory is zeroed up to the payload, except for identity and reader_pid.
void initialise(const Buffer& buffer) noexcept;
/// Stores those: from now on a writer may attach.
void publish(const Buffer& buffer, std::uint64_t reader_pid) noexcept;

/// Whether an identity word is one of protocol version 1, whatever its minor version.
[[nodiscard]] bool speaks_v1(std::uint64_t identity) noexcept;
/// Whether it has a size, but no version yet: published readers store the two after each other.
[[nodiscard]] bool is_half_made(std::uint64_t identity) noexcept;
/// Checks the sizes of a buffer whose identity was found to be v1. The memory must be exactly as long as they say, or at least as
/// long if it is a view. Throws CorruptedError.
[[nodiscard]] wire::SegmentV1 validate(std::span<const std::byte> memory, bool is_view);

}  // namespace zeroduplex::stream
