// What a client does before it believes a segment: memory of any length with anything in it, some of it changed while it looks.
// It throws CorruptedError, or the layout that it derived lies within the memory.

#include <algorithm>
#include <span>

#include <zeroduplex/error.hpp>

#include "arena.hpp"
#include "flipper.hpp"
#include "program.hpp"
#include "ring/identity.hpp"
#include "ring/metadata.hpp"
#include "ring/segment.hpp"
#include "target.hpp"

namespace zeroduplex::fuzz {
namespace {

constexpr std::uint64_t longest_segment = 4096;
constexpr std::size_t longest_program = 256;

Counter accepted{"accepted"};
Counter refused{"refused"};
Counter refused_metadata{"refused-metadata"};

void check_region(const wire::Region& region, std::uint64_t begin, std::uint64_t length) {
  require(region.offset >= begin && region.offset <= length && region.size <= length - region.offset,
          "a region outside of the segment");
}

void attach(Arena& arena, Flipper& flipper, Program program) {
  const auto layout = wire::resolve_segment_v2(program.below(512), program.below(512),
                                               wire::min_payload_size + program.below(8) * wire::block_alignment);
  // Now and then the memory is not as long as the segment says.
  const bool is_view = program.byte() % 2 == 0;
  std::uint64_t length = layout->length;
  if (program.byte() % 4 == 0) length = program.below(longest_segment / 8) * 8;
  const std::span<std::byte> memory = arena.give(std::max<std::uint64_t>(length, sizeof(std::uint64_t)));
  if (layout->length <= memory.size()) {
    ring::initialise(ring::Segment(memory.data(), *layout), 1);
    ring::publish_identity(ring::Segment(memory.data(), *layout));
  }
  const std::uint64_t words = memory.size() / 8;
  const auto choose = [&] {
    const std::uint64_t blocks = 2 * wire::oieb_v2_size / 8;
    return Word(memory.data() + program.below(program.byte() % 4 == 0 ? words : std::min(words, blocks)) * 8, 8);
  };
  for (std::uint64_t changes = program.below(4); changes > 0; --changes) {
    const Word word = choose();
    word.store(program.value(word.load(), layout->payload.size));
  }
  if (program.byte() % 2 == 0) {
    const Word word = choose();
    flipper.start(word, word.load(), program.value(word.load(), layout->payload.size));
  }
  switch (ring::identify(ring::load_identity(memory))) {
    case ring::Identity::v2:
      break;
    default:
      (void)ring::describe_identity(ring::load_identity(memory));
      return;
  }
  try {
    const wire::SegmentV2 found = ring::validate(memory, is_view);
    require(is_view ? found.length <= memory.size() : found.length == memory.size(), "a segment of another length than its memory");
    check_region(found.metadata_request, found.oieb_response.offset + found.oieb_response.size, memory.size());
    check_region(found.metadata_response, found.metadata_request.offset + found.metadata_request.size, memory.size());
    check_region(found.payload, found.metadata_response.offset + found.metadata_response.size, memory.size());
    ++accepted;
    const ring::Segment segment(memory.data(), found);
    for (int i = 0; i < 4; ++i) {
      try {
        require(ring::read_metadata(segment.request(), segment.metadata_request()).size() <= found.metadata_request.size,
                "more metadata than there is room for");
        require(ring::read_metadata(segment.response(), segment.metadata_response()).size() <= found.metadata_response.size,
                "more metadata than there is room for");
      } catch (const CorruptedError&) {
        ++refused_metadata;
      }
      const Word word = choose();
      word.store(program.value(word.load(), layout->payload.size));
    }
  } catch (const CorruptedError&) {
    ++refused;
  }
}

}  // namespace
}  // namespace zeroduplex::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zeroduplex::fuzz;
  static Arena arena(longest_segment);
  static Flipper flipper;
  attach(arena, flipper, Program({data, std::min(size, longest_program)}));
  flipper.stop();
  require(arena.is_intact(), "something was written outside of the memory");
  return 0;
}
