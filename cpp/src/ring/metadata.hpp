#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>

#include "ring/atomic_fields.hpp"

namespace zeroduplex::ring {

/// Writes metadata into its block, once. `Block` is the operation info of either protocol. Throws MetadataTooLargeError,
/// MetadataAlreadyWrittenError.
template <typename Block>
void write_metadata(Block& block, std::span<std::byte> region, std::span<const std::byte> content) {
  if (load_acquire(block.metadata_written_bytes) != 0) {
    throw MetadataAlreadyWrittenError("the metadata of this side was written before");
  }
  const std::uint64_t total = wire::metadata_prefix_size + content.size();
  if (content.size() > region.size() || total > region.size()) {
    throw MetadataTooLargeError(std::to_string(content.size()) + " bytes of metadata and their length do not fit a block of " +
                                std::to_string(region.size()) + " bytes");
  }
  reinterpret_cast<wire::MetadataBlock*>(region.data())->content_length = content.size();
  if (!content.empty()) std::memcpy(region.data() + wire::metadata_prefix_size, content.data(), content.size());
  store_relaxed(block.metadata_free_bytes, region.size() - total);
  // Pairs with the acquire load in find_metadata(): who sees a size sees the content.
  store_release(block.metadata_written_bytes, total);
}

/// How much of what was written the content must be: v1 takes less than there is, v2 does not.
enum class Content : std::uint8_t { exact, at_most };

/// Reads the peer's metadata, nothing when none was written. Throws CorruptedError.
template <typename Block>
std::optional<std::vector<std::byte>> find_metadata(const Block& block, std::span<const std::byte> region, Content content_is) {
  // Pairs with the release store in write_metadata().
  const std::uint64_t written = load_acquire(block.metadata_written_bytes);
  if (written == 0) return std::nullopt;
  if (written < wire::metadata_prefix_size || written > region.size()) {
    throw CorruptedError(std::to_string(written) + " bytes of metadata are said to be written into a block of " +
                         std::to_string(region.size()));
  }
  const std::uint64_t length = load_once(reinterpret_cast<const wire::MetadataBlock*>(region.data())->content_length);
  const std::uint64_t room = written - wire::metadata_prefix_size;
  if (length > room || (content_is == Content::exact && length != room)) {
    throw CorruptedError("metadata of " + std::to_string(written) + " bytes has a content of " + std::to_string(length));
  }
  const auto content = region.subspan(wire::metadata_prefix_size, length);
  return std::vector<std::byte>(content.begin(), content.end());
}

/// The same of a v2 block, empty when none was written.
inline std::vector<std::byte> read_metadata(const wire::OiebV2& block, std::span<const std::byte> region) {
  return find_metadata(block, region, Content::exact).value_or(std::vector<std::byte>());
}

}  // namespace zeroduplex::ring
