#include "server/server_segment.hpp"

#include <unistd.h>

#include <cstring>
#include <utility>

#include <zeroduplex/error.hpp>

#include "common/clear_name.hpp"
#include "common/memory_reports.hpp"
#include "platform/object.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/identity.hpp"
#include "ring/metadata.hpp"

namespace zeroduplex::detail {

namespace {

wire::SegmentV2 resolve(const BufferConfig& config) {
  const std::uint64_t metadata = config.metadataSize();
  std::uint64_t payload = config.payloadSize();
  if (config.memory()) {
    // The smallest segment tells where the payload begins; it gets what is left, in whole blocks.
    const auto smallest = wire::resolve_segment_v2(metadata, metadata, wire::min_payload_size);
    const std::uint64_t size = config.memory()->bytes().size();
    if (!smallest || size < smallest->length) {
      throw InvalidArgumentError("existing memory of " + std::to_string(size) + " bytes is too small for metadata of 2 x " +
                                 std::to_string(metadata) + " bytes and a payload of " + std::to_string(wire::min_payload_size));
    }
    payload = (size - smallest->payload.offset) / wire::block_alignment * wire::block_alignment;
  }
  const auto layout = wire::resolve_segment_v2(metadata, metadata, payload);
  if (!layout) {
    throw InvalidArgumentError("metadata of " + std::to_string(metadata) + " bytes and a payload of " + std::to_string(payload) +
                               " are not possible: at most " + std::to_string(wire::max_metadata_size) + " and " +
                               std::to_string(wire::min_payload_size) + " to " + std::to_string(wire::max_payload_size));
  }
  return *layout;
}

}  // namespace

ServerSegment::ServerSegment(std::string name, const BufferConfig& config, const ServerOptions& options,
                             const std::optional<std::vector<std::byte>>& metadata)
    : name_(std::move(name)), mode_(options.mode), pid_(static_cast<std::uint64_t>(::getpid())) {
  const wire::SegmentV2 layout = resolve(config);
  if (config.memory()) {
    clear_name(name_, options.allow_other_users, Claimant::v2_server);
    adopt_view(*config.memory(), layout);
  } else {
    create_object(layout, options);
  }
  report_ = report_on(memory_, platform::page_wish(options));
  try {
    if (metadata) ring::write_metadata(segment_.response(), segment_.metadata_response(), *metadata);
    semaphores_ = fresh_semaphores();
  } catch (...) {
    remove();
    throw;
  }
  ring::publish_identity(segment_);
}

void ServerSegment::create_object(const wire::SegmentV2& layout, const ServerOptions& options) {
  for (;;) {
    clear_name(name_, options.allow_other_users, Claimant::v2_server);
    memory_ = std::make_unique<SharedMemory>(name_, mode_);
    memory_->object().want(platform::page_wish(options));
    segment_ = ring::Segment(memory_->allocate(layout.length).data(), layout);
    if (!memory_->object().try_lock(wire::lock_byte_server)) {
      throw SystemError("the lock of a new object without a name is held by somebody else");
    }
    ring::initialise(segment_, pid_);
    if (memory_->publish()) return;
    // Another server took the name meanwhile: look at it.
  }
}

void ServerSegment::adopt_view(const SharedMemoryView& view, const wire::SegmentV2& layout) {
  segment_ = ring::Segment(view.bytes().data(), layout);
  std::memset(view.bytes().data(), 0, layout.payload.offset);
  ring::initialise(segment_, pid_);
}

ServerSegment::Semaphores ServerSegment::fresh_semaphores() const {
  Semaphores all;
  const auto fresh = [this](platform::NamedSemaphore& into, const std::string& semaphore, const char* kind) {
    into = platform::NamedSemaphore::replace(semaphore, wire::temporary_path(name_, kind), mode_);
  };
  try {
    fresh(all.request_ready, wire::request_ready_semaphore(name_), temporary_kinds::request_ready);
    fresh(all.response_ready, wire::response_ready_semaphore(name_), temporary_kinds::response_ready);
    fresh(all.response_consumed, wire::response_consumed_semaphore(name_), temporary_kinds::response_consumed);
    fresh(all.space_available, wire::space_available_semaphore(name_), temporary_kinds::space_available);
  } catch (...) {
    unlink_all(all);  // the first ones have their names already
    throw;
  }
  return all;
}

void ServerSegment::unlink_all(Semaphores& all) noexcept {
  for (platform::NamedSemaphore* semaphore :
       {&all.request_ready, &all.response_ready, &all.response_consumed, &all.space_available}) {
    if (*semaphore) semaphore->remove();
  }
}

void ServerSegment::replace_semaphores() { semaphores_ = fresh_semaphores(); }

bool ServerSegment::client_has_left() const noexcept {
  // Pairs with the client's release store when it detaches or wants a reset.
  return ring::load_acquire(segment_.request().writer_pid) == wire::reset_wanted;
}

bool ServerSegment::client_is_gone() {
  const std::uint64_t pid = ring::load_acquire(segment_.request().writer_pid);
  if (pid == wire::reset_wanted) return true;
  return pid != wire::pid_none && memory_ && !memory_->object().is_locked(wire::lock_byte_client);
}

bool ServerSegment::client_is_attached() {
  return ring::load_acquire(segment_.request().writer_pid) != wire::pid_none && !client_is_gone();
}

void ServerSegment::remove() noexcept {
  if (std::exchange(removed_, true)) return;
  unlink_all(semaphores_);
  if (memory_) {
    memory_->remove();
    memory_->object().unlock(wire::lock_byte_server);
  }
  // After the lock, which is the truth about an object's server; without a lock byte this is how the client learns it. Pairs with
  // Attachment::server().
  ring::store_release(segment_.response().writer_pid, wire::pid_none);
  ring::fence();  // pairs with the fence behind the client's waits: it looks at the lock byte at once
  if (semaphores_.response_ready) semaphores_.response_ready.post_if_zero();
  if (semaphores_.space_available) semaphores_.space_available.post_if_zero();
}

}  // namespace zeroduplex::detail
