#pragma once

#include <cstdint>
#include <optional>

#include <zeroduplex/generated/wire.hpp>
#include <zeroduplex/memory_provider.hpp>

namespace zeroduplex {

/// How large a channel is and where it lives.
class BufferConfig {
 public:
  /// The defaults of the protocol: 4096 bytes of metadata each way and 16 MiB of payload.
  BufferConfig() noexcept : BufferConfig(wire::default_v2_metadata_size, wire::default_v2_payload_size) {}

  /// A channel in memory of its own. `metadata_size` is for each of the two metadata blocks, `payload_size` for the ring of frames;
  /// both in bytes, rounded up to 64. A frame takes 64 bytes of the ring besides its data.
  BufferConfig(std::uint64_t metadata_size, std::uint64_t payload_size) noexcept
      : metadata_size_(metadata_size), payload_size_(payload_size) {}

  /// A channel in existing memory. The payload takes what the blocks and the metadata leave of it.
  BufferConfig(std::uint64_t metadata_size, const SharedMemoryView& memory) noexcept
      : metadata_size_(metadata_size), memory_(memory) {}

  /// The defaults of ZeroBuffer v1: 4096 bytes of metadata and 256 MiB of payload. A v1 buffer has one metadata block, and a frame
  /// takes 16 bytes of the ring besides its data.
  [[nodiscard]] static BufferConfig defaultV1() noexcept { return {wire::default_v1_metadata_size, wire::default_v1_payload_size}; }

  [[nodiscard]] std::uint64_t metadataSize() const noexcept { return metadata_size_; }
  /// 0 with existing memory.
  [[nodiscard]] std::uint64_t payloadSize() const noexcept { return payload_size_; }
  [[nodiscard]] const std::optional<SharedMemoryView>& memory() const noexcept { return memory_; }

 private:
  std::uint64_t metadata_size_;
  std::uint64_t payload_size_ = 0;
  std::optional<SharedMemoryView> memory_;
};

}  // namespace zeroduplex
