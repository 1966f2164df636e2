// Numbers written by hand from the protocol, never by the generator: a change of the layout must be made here too, on purpose.

#include <cstddef>

#include <gtest/gtest.h>
#include <zeroduplex/generated/wire.hpp>

namespace zeroduplex::wire {
namespace {

static_assert(sizeof(OiebV2) == 88);
static_assert(offsetof(OiebV2, oieb_size) == 0x00);
static_assert(offsetof(OiebV2, version) == 0x04);
static_assert(offsetof(OiebV2, metadata_size) == 0x08);
static_assert(offsetof(OiebV2, metadata_free_bytes) == 0x10);
static_assert(offsetof(OiebV2, metadata_written_bytes) == 0x18);
static_assert(offsetof(OiebV2, payload_size) == 0x20);
static_assert(offsetof(OiebV2, payload_free_bytes) == 0x28);
static_assert(offsetof(OiebV2, payload_written_bytes) == 0x30);
static_assert(offsetof(OiebV2, payload_written_count) == 0x38);
static_assert(offsetof(OiebV2, payload_read_count) == 0x40);
static_assert(offsetof(OiebV2, writer_pid) == 0x48);
static_assert(offsetof(OiebV2, reader_pid) == 0x50);

static_assert(sizeof(FrameHeaderV2) == 64);
static_assert(offsetof(FrameHeaderV2, payload_size) == 0x00);
static_assert(offsetof(FrameHeaderV2, sequence_number) == 0x08);
static_assert(offsetof(FrameHeaderV2, capacity) == 0x10);
static_assert(offsetof(FrameHeaderV2, state) == 0x18);
static_assert(offsetof(FrameHeaderV2, status) == 0x1C);
static_assert(offsetof(FrameHeaderV2, request_size) == 0x20);
static_assert(offsetof(FrameHeaderV2, opcode) == 0x28);
static_assert(offsetof(FrameHeaderV2, flags) == 0x2C);
static_assert(offsetof(FrameHeaderV2, reserved) == 0x30);

static_assert(sizeof(OiebV1) == 128);
static_assert(offsetof(OiebV1, oieb_size) == 0);
static_assert(offsetof(OiebV1, version) == 4);
static_assert(offsetof(OiebV1, metadata_size) == 8);
static_assert(offsetof(OiebV1, metadata_free_bytes) == 16);
static_assert(offsetof(OiebV1, metadata_written_bytes) == 24);
static_assert(offsetof(OiebV1, payload_size) == 32);
static_assert(offsetof(OiebV1, payload_free_bytes) == 40);
static_assert(offsetof(OiebV1, payload_write_pos) == 48);
static_assert(offsetof(OiebV1, payload_read_pos) == 56);
static_assert(offsetof(OiebV1, payload_written_count) == 64);
static_assert(offsetof(OiebV1, payload_read_count) == 72);
static_assert(offsetof(OiebV1, writer_pid) == 80);
static_assert(offsetof(OiebV1, reader_pid) == 88);
static_assert(sizeof(FrameHeaderV1) == 16);
static_assert(sizeof(NamedSemaphore) == 32);
static_assert(offsetof(NamedSemaphore, shared) == 8);

TEST(Witness, Segment) {
  const auto large = resolve_segment_v2(4096, 4096, 1 << 20);
  ASSERT_TRUE(large);
  EXPECT_EQ((Region{0x00, 88}), large->oieb_request);
  EXPECT_EQ((Region{0x58, 88}), large->oieb_response);
  EXPECT_EQ((Region{0xB0, 4112}), large->metadata_request);
  EXPECT_EQ((Region{0x10C0, 4096}), large->metadata_response);
  EXPECT_EQ((Region{0x20C0, 1048576}), large->payload);
  EXPECT_EQ(1056960U, large->length);
  const auto small = resolve_segment_v2(0, 0, 1000);
  ASSERT_TRUE(small);
  EXPECT_EQ((Region{0xB0, 16}), small->metadata_request);
  EXPECT_EQ((Region{0xC0, 1024}), small->payload);
  EXPECT_EQ(1216U, small->length);
  EXPECT_EQ(large, resolve_segment_v2(4112, 4096, 1048576)) << "stored sizes resolve to themselves";
}

TEST(Witness, NamesAndNumbers) {
  EXPECT_EQ("sem-request-ready-a", request_ready_semaphore("a"));
  EXPECT_EQ("sem-response-ready-a", response_ready_semaphore("a"));
  EXPECT_EQ("sem-response-consumed-a", response_consumed_semaphore("a"));
  EXPECT_EQ("sem-space-available-a", space_available_semaphore("a"));
  EXPECT_EQ("/dev/shm/sem.x", semaphore_path("x"));
  EXPECT_EQ("/dev/shm/.zd-a.object", temporary_path("a", "object"));
  EXPECT_EQ("/tmp/zerobuffer/a.lock", lock_path("a"));
  EXPECT_EQ("/t/zerobuffer/locks/a.lock", lock_csharp_path("/t", "a"));
  EXPECT_EQ(0x0000'0002'0000'0058U, oieb_v2_identity_word);
  EXPECT_EQ(0x0000'0001'0000'0080U, oieb_v1_identity_word);
  EXPECT_EQ(~std::uint64_t{0}, reset_wanted);
  EXPECT_EQ(128U, semaphore_shared_flag);
  EXPECT_EQ(0U, lock_byte_server);
  EXPECT_EQ(1U, lock_byte_client);
  EXPECT_EQ(0x7FFF'FFC0U, max_frame_data);
  for (int i = 0; i < 8; ++i) {
    constexpr const char* names[] = {"free", "request", "processing", "response", "failed", "consumed", "cancelled", "wrap"};
    EXPECT_EQ(names[i], to_string(static_cast<FrameState>(i)));
  }
  EXPECT_EQ(-1, static_cast<int>(FrameStatus::handler_failed));
  EXPECT_EQ(-2, static_cast<int>(FrameStatus::response_too_large));
  EXPECT_EQ(1U, frame_flags_one_way);
  EXPECT_EQ(2U, frame_flags_abandoned);
}

}  // namespace
}  // namespace zeroduplex::wire
