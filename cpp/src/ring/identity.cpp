#include "ring/identity.hpp"

#include <string>

#include <zeroduplex/error.hpp>

#include "ring/atomic_fields.hpp"

namespace zeroduplex::ring {

namespace {

constexpr std::uint32_t size_of(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
constexpr std::uint8_t version_byte(std::uint64_t word, unsigned i) { return static_cast<std::uint8_t>(word >> (32 + 8 * i)); }

std::uint64_t& identity_of(wire::OiebV2& block) noexcept {
  return *reinterpret_cast<std::uint64_t*>(reinterpret_cast<std::byte*>(&block) + wire::oieb_v2_identity_offset);
}

void check(bool holds, const char* what) {
  if (!holds) throw CorruptedError(std::string("the segment's ") + what);
}

}  // namespace

Identity identify(std::uint64_t word) noexcept {
  if (word == wire::identity_not_ready) return Identity::not_ready;
  if (size_of(word) == wire::oieb_v1_size) return Identity::v1;
  if (size_of(word) != wire::oieb_v2_size) return Identity::foreign;
  return word == wire::oieb_v2_identity_word ? Identity::v2 : Identity::other_version;
}

std::string describe_identity(std::uint64_t word) {
  if (identify(word) == Identity::foreign) return "something that is no segment (first eight bytes " + std::to_string(word) + ")";
  return "protocol version " + std::to_string(version_byte(word, 0)) + "." + std::to_string(version_byte(word, 1)) + "." +
         std::to_string(version_byte(word, 2));
}

void initialise(const Segment& segment, std::uint64_t server_pid) noexcept {
  const wire::SegmentV2& layout = segment.layout();
  wire::OiebV2& request = segment.request();
  wire::OiebV2& response = segment.response();
  request.metadata_size = request.metadata_free_bytes = layout.metadata_request.size;
  response.metadata_size = response.metadata_free_bytes = layout.metadata_response.size;
  for (wire::OiebV2* block : {&request, &response}) {
    block->payload_size = block->payload_free_bytes = layout.payload.size;
  }
  // Pairs with the acquire loads of attaching clients, although publish_identity() alone would do for a first attachment.
  store_release(request.reader_pid, server_pid);
  store_release(response.writer_pid, server_pid);
  store_release(identity_of(response), wire::oieb_v2_identity_word);
}

void publish_identity(const Segment& segment) noexcept {
  // Pairs with load_identity() in an attaching client: who sees the identity sees the whole segment and its semaphores.
  store_release(identity_of(segment.request()), wire::oieb_v2_identity_word);
}

std::uint64_t load_identity(std::span<const std::byte> memory) noexcept {
  // Pairs with publish_identity().
  return load_acquire(*reinterpret_cast<const std::uint64_t*>(memory.data()));
}

wire::SegmentV2 validate(std::span<const std::byte> memory, bool is_view) {
  const auto fixed = wire::resolve_segment_v2(0, 0, wire::min_payload_size);
  check(memory.size() >= fixed->length, "memory is too short for its blocks");
  const auto& request = *reinterpret_cast<const wire::OiebV2*>(memory.data() + fixed->oieb_request.offset);
  const auto& response = *reinterpret_cast<const wire::OiebV2*>(memory.data() + fixed->oieb_response.offset);
  check(response.oieb_size == wire::oieb_v2_size && response.version == wire::protocol_v2_version,
        "response block has another identity than its request block");
  const std::uint64_t metadata_request = load_once(request.metadata_size);
  const std::uint64_t metadata_response = load_once(response.metadata_size);
  const std::uint64_t payload = load_once(request.payload_size);
  check(payload == load_once(response.payload_size), "two blocks disagree about the payload's size");
  const auto layout = wire::resolve_segment_v2(metadata_request, metadata_response, payload);
  check(layout.has_value(), "sizes are outside what the protocol allows");
  check(layout->metadata_request.size == metadata_request && layout->metadata_response.size == metadata_response &&
            layout->payload.size == payload,
        "sizes are not rounded as the layout says");
  check(is_view ? layout->length <= memory.size() : layout->length == memory.size(), "sizes do not add up to the object's length");
  return *layout;
}

}  // namespace zeroduplex::ring
