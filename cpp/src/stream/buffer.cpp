#include "stream/buffer.hpp"

#include <string>

#include <zeroduplex/error.hpp>

#include "ring/atomic_fields.hpp"

namespace zeroduplex::stream {

namespace {

std::uint64_t& identity_of(wire::OiebV1& info) noexcept {
  return *reinterpret_cast<std::uint64_t*>(reinterpret_cast<std::byte*>(&info) + wire::oieb_v1_identity_offset);
}

constexpr bool is_v1_of(std::uint64_t identity, std::uint8_t major) {
  return static_cast<std::uint32_t>(identity) == wire::oieb_v1_size && static_cast<std::uint8_t>(identity >> 32U) == major;
}

}  // namespace

wire::SegmentV1 resolve(const BufferConfig& config) {
  const std::uint64_t metadata = config.metadataSize();
  std::uint64_t payload = config.payloadSize();
  if (config.memory()) {
    // A buffer without payload tells where it begins; it gets what is left, in whole blocks.
    const auto smallest = wire::resolve_segment_v1(metadata, 0);
    const std::uint64_t size = config.memory()->bytes().size();
    if (!smallest || size < smallest->length) {
      throw InvalidArgumentError("existing memory of " + std::to_string(size) + " bytes is too small for metadata of " +
                                 std::to_string(metadata) + " bytes");
    }
    payload = (size - smallest->length) / wire::block_alignment * wire::block_alignment;
  }
  const auto layout = wire::resolve_segment_v1(metadata, payload);
  if (!layout) {
    throw InvalidArgumentError("metadata of " + std::to_string(metadata) + " bytes and a payload of " + std::to_string(payload) +
                               " are not possible: at most " + std::to_string(wire::max_metadata_size) + " and " +
                               std::to_string(wire::max_payload_size));
  }
  return *layout;
}

void initialise(const Buffer& buffer) noexcept {
  wire::OiebV1& info = buffer.info();
  info.metadata_size = info.metadata_free_bytes = buffer.metadata().size();
  info.payload_size = info.payload_free_bytes = buffer.payload_size();
}

void publish(const Buffer& buffer, std::uint64_t reader_pid) noexcept {
  // Pairs with the acquire load of an attaching writer, as the store below does.
  ring::store_release(buffer.info().reader_pid, reader_pid);
  // Last: who sees the identity sees the whole buffer and its semaphores. Published writers look at it first.
  ring::store_release(identity_of(buffer.info()), wire::oieb_v1_identity_word);
}

bool speaks_v1(std::uint64_t identity) noexcept { return is_v1_of(identity, wire::protocol_v1_major); }

bool is_half_made(std::uint64_t identity) noexcept { return is_v1_of(identity, 0); }

wire::SegmentV1 validate(std::span<const std::byte> memory, bool is_view) {
  const auto& info = *reinterpret_cast<const wire::OiebV1*>(memory.data());
  const std::uint64_t metadata = ring::load_once(info.metadata_size);
  const std::uint64_t payload = ring::load_once(info.payload_size);
  const auto layout = wire::resolve_segment_v1(metadata, payload);
  const std::string sizes =
      "the buffer's sizes, " + std::to_string(metadata) + " bytes of metadata and a payload of " + std::to_string(payload) + ", ";
  if (!layout) throw CorruptedError(sizes + "are outside what the protocol allows");
  if (layout->metadata.size != metadata || layout->payload.size != payload) {
    throw CorruptedError(sizes + "are not rounded as the layout says");
  }
  if (is_view ? layout->length > memory.size() : layout->length != memory.size()) {
    throw CorruptedError(sizes + "do not add up to its length of " + std::to_string(memory.size()));
  }
  return *layout;
}

}  // namespace zeroduplex::stream
