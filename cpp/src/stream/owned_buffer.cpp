#include "stream/owned_buffer.hpp"

#include <unistd.h>

#include <cstring>
#include <utility>

#include <zeroduplex/error.hpp>

#include "common/clear_name.hpp"
#include "common/memory_reports.hpp"
#include "platform/name.hpp"
#include "ring/atomic_fields.hpp"

namespace zeroduplex::stream {

namespace {

platform::OwnerLock take_name(const std::string& name) {
  platform::check_name(name);
  try {
    return platform::OwnerLock(name);
  } catch (const NameInUseError&) {
    detail::refuse_owned_name(name);
  }
}

}  // namespace

OwnedBuffer::OwnedBuffer(std::string name, const BufferConfig& config, mode_t mode, bool allow_other_users,
                         const platform::PageWish& wish)
    : name_(std::move(name)), owner_(take_name(name_)) {
  const wire::SegmentV1 layout = resolve(config);
  if (config.memory()) {
    detail::clear_name(name_, allow_other_users, detail::Claimant::v1_reader);
    adopt_view(*config.memory(), layout);
  } else {
    create_object(layout, mode, allow_other_users, wish);
  }
  report_ = detail::report_on(memory_, wish);
  try {
    make_semaphores(mode);
  } catch (...) {
    remove();
    throw;
  }
  publish(buffer_, static_cast<std::uint64_t>(::getpid()));
}

void OwnedBuffer::create_object(const wire::SegmentV1& layout, mode_t mode, bool allow_other_users,
                                const platform::PageWish& wish) {
  for (;;) {
    detail::clear_name(name_, allow_other_users, detail::Claimant::v1_reader);
    memory_ = std::make_unique<SharedMemory>(name_, mode);
    memory_->object().want(wish);
    buffer_ = Buffer(memory_->allocate(layout.length).data(), layout);
    initialise(buffer_);
    if (memory_->publish()) return;
    // Somebody without our locks took the name meanwhile: look at it.
  }
}

void OwnedBuffer::adopt_view(const SharedMemoryView& view, const wire::SegmentV1& layout) {
  buffer_ = Buffer(view.bytes().data(), layout);
  std::memset(view.bytes().data(), 0, layout.payload.offset);
  initialise(buffer_);
}

void OwnedBuffer::make_semaphores(mode_t mode) {
  // Fresh ones over whatever is there: complete before a writer can see that the buffer is ready.
  const auto fresh = [&](const std::string& semaphore, const char* kind) {
    return platform::NamedSemaphore::replace(semaphore, wire::temporary_path(name_, kind), mode);
  };
  data_written_ = fresh(wire::data_written_semaphore(name_), detail::temporary_kinds::data_written);
  data_read_ = fresh(wire::data_read_semaphore(name_), detail::temporary_kinds::data_read);
}

void OwnedBuffer::remove() noexcept {
  if (std::exchange(removed_, true)) return;
  // Pairs with the writer's acquire load: it learns that nobody reads any more.
  ring::store_release(buffer_.info().reader_pid, wire::pid_none);
  if (data_written_) data_written_.remove();
  if (data_read_) data_read_.remove();
  if (memory_) memory_->remove();
  owner_.release();  // last, so that no successor's names are removed
}

}  // namespace zeroduplex::stream
