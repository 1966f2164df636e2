#include "stream/attached_buffer.hpp"

#include <unistd.h>

#include <utility>

#include <zeroduplex/error.hpp>

#include "common/backoff.hpp"
#include "common/memory_reports.hpp"
#include "common/wait.hpp"
#include "platform/name.hpp"
#include "platform/object.hpp"
#include "platform/process.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/identity.hpp"

namespace zeroduplex::stream {

using platform::Clock;
using platform::TimePoint;

AttachedBuffer::AttachedBuffer(const std::string& name, const AttachSettings& settings)
    : pid_(static_cast<std::uint64_t>(::getpid())) {
  platform::check_name(name);
  detail::check_timeout(settings.connect_timeout);
  const TimePoint deadline = platform::deadline_after(Clock::now(), settings.connect_timeout);
  detail::Backoff backoff(detail::longest_connect_nap);
  for (;;) {
    Outcome outcome = Outcome::attached;
    try {
      outcome = try_attach(name, settings);
    } catch (const Error& e) {
      // The other writer may leave, and a dead reader have a successor.
      const bool heals = e.code() == ErrorCode::writer_already_connected || e.code() == ErrorCode::reader_dead;
      if (!heals || !backoff.nap(deadline)) throw;
      continue;
    }
    if (outcome == Outcome::attached) return;
    if (backoff.nap(deadline)) continue;
    switch (outcome) {
      case Outcome::no_buffer:
        throw BufferNotFoundError("there is no buffer '" + name + "'");
      case Outcome::no_reader:
        throw BufferNotFoundError("the reader of '" + name + "' has closed, or is not ready yet");
      case Outcome::no_semaphores:
        throw BufferNotFoundError("'" + name + "' has no semaphores");
      case Outcome::old_semaphores:
        throw BufferNotFoundError("the semaphores of '" + name + "' are older than it; its reader has not made its own yet");
      default:
        throw BufferNotFoundError("'" + name + "' exists, but its reader is not ready");
    }
  }
}

AttachedBuffer::Outcome AttachedBuffer::try_attach(const std::string& name, const AttachSettings& settings) {
  std::span<std::byte> memory;
  if (const Outcome outcome = find_memory(name, settings, memory); outcome != Outcome::attached) return outcome;
  const std::uint64_t identity = ring::load_identity(memory);
  if (identity == wire::identity_not_ready || is_half_made(identity)) return Outcome::not_ready;
  if (!speaks_v1(identity)) {
    throw VersionMismatchError("'" + name + "' speaks " + ring::describe_identity(identity) + ", this writer " +
                               ring::describe_identity(wire::oieb_v1_identity_word));
  }
  if (memory.size() < wire::oieb_v1_size) return Outcome::not_ready;
  // Acquire: pairs with the reader's release store when it publishes and when it closes. Before the sizes: published readers store
  // their pid last.
  const std::uint64_t reader = ring::load_acquire(reinterpret_cast<wire::OiebV1*>(memory.data())->reader_pid);
  if (reader == wire::pid_none) return Outcome::no_reader;
  if (!platform::is_living(reader)) {
    throw ReaderDeadError("the reader of '" + name + "', process " + std::to_string(reader) + ", is gone");
  }
  buffer_ = Buffer(memory.data(), validate(memory, memory_ == nullptr));
  // Before the pid: a writer that fails here must not be in the way of another one.
  data_written_ = platform::NamedSemaphore::open(wire::data_written_semaphore(name), settings.allow_other_users);
  data_read_ = platform::NamedSemaphore::open(wire::data_read_semaphore(name), settings.allow_other_users);
  if (!data_written_ || !data_read_) return Outcome::no_semaphores;
  if (semaphores_are_older()) return Outcome::old_semaphores;
  claim(name);
  prepare_pages(settings);
  // A reader that is still there under its name proves that the semaphores are this buffer's, not a successor's.
  if (!reader_has_left() && (!memory_ || memory_->object().is_linked())) return Outcome::attached;
  detach();
  return Outcome::no_reader;
}

AttachedBuffer::Outcome AttachedBuffer::find_memory(const std::string& name, const AttachSettings& settings,
                                                    std::span<std::byte>& memory) {
  if (settings.memory) {
    memory = settings.memory->bytes();
    if (memory.size() >= wire::oieb_v1_size) return Outcome::attached;
    throw InvalidArgumentError("a view of " + std::to_string(memory.size()) + " bytes holds no buffer");
  }
  memory_ = std::make_unique<SharedMemory>(name);
  platform::SharedObject& object = memory_->object();
  object = platform::SharedObject::open(name);
  if (!object) return Outcome::no_buffer;
  if (object.owner() != ::geteuid() && !settings.allow_other_users) {
    throw PermissionDeniedError("'" + name + "' belongs to user " + std::to_string(object.owner()));
  }
  if (object.size() < sizeof(std::uint64_t)) return Outcome::not_ready;
  object.map(settings.wish);
  memory = object.bytes();
  return Outcome::attached;
}

void AttachedBuffer::prepare_pages(const AttachSettings& settings) {
  // Only now: whoever is refused has not paid for the pages.
  try {
    if (memory_) memory_->object().prepare_pages();
    report_ = detail::report_on(memory_, settings.wish);
  } catch (...) {
    detach();
    throw;
  }
}

void AttachedBuffer::claim(const std::string& name) {
  while (!attached_) {
    const std::uint64_t writer = ring::load_acquire(buffer_.info().writer_pid);
    if (platform::is_living(writer)) {
      throw WriterAlreadyConnectedError("process " + std::to_string(writer) + " writes to '" + name + "'");
    }
    // Nobody or a dead process: whoever changes that into its own pid is the writer. Acquire: pairs with the release in detach().
    attached_ = ring::compare_and_swap(buffer_.info().writer_pid, writer, pid_);
  }
}

bool AttachedBuffer::semaphores_are_older() const noexcept {
  // Readers of the published packages make them last of all, and Python's leaves them behind when it closes.
  if (!memory_) return false;
  const platform::Birth born = memory_->object().born();
  return platform::is_before(data_written_.born(), born) || platform::is_before(data_read_.born(), born);
}

bool AttachedBuffer::reader_has_left() const noexcept {
  // Pairs with the reader's release store when it closes.
  return ring::load_acquire(buffer_.info().reader_pid) == wire::pid_none;
}

bool AttachedBuffer::reader_is_living() const noexcept {
  return platform::is_living(ring::load_acquire(buffer_.info().reader_pid));
}

void AttachedBuffer::detach() noexcept {
  // Only our own: a writer that took us for dead would not be forgiven. Pairs with the acquire loads of reader and next writer.
  if (std::exchange(attached_, false)) ring::compare_and_swap(buffer_.info().writer_pid, pid_, wire::pid_none);
}

}  // namespace zeroduplex::stream
