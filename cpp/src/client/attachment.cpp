#include "client/attachment.hpp"

#include <unistd.h>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>

#include "common/backoff.hpp"
#include "common/memory_reports.hpp"
#include "platform/clock.hpp"
#include "platform/name.hpp"
#include "platform/object.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/identity.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::TimePoint;
using ring::Identity;

namespace {

constexpr std::chrono::microseconds longest_reset_nap{1000};

[[noreturn]] void refuse_version(const std::string& name, std::uint64_t identity) {
  throw VersionMismatchError("'" + name + "' speaks " + ring::describe_identity(identity) + ", this client " +
                             ring::describe_identity(wire::oieb_v2_identity_word));
}

}  // namespace

Attachment::Attachment(const std::string& name, const ClientOptions& options) {
  platform::check_name(name);
  if (options.connect_timeout.count() < 0) throw InvalidArgumentError("the connect timeout is negative");
  const TimePoint deadline = platform::deadline_after(Clock::now(), options.connect_timeout);
  Backoff backoff(longest_connect_nap);
  for (;;) {
    const Outcome outcome = options.memory ? try_view(name, options) : try_object(name, options, deadline);
    if (outcome == Outcome::attached) {
      report_ = report_on(memory_, platform::page_wish(options));
      return;
    }
    release_byte();
    if (backoff.nap(deadline)) continue;
    switch (outcome) {
      case Outcome::other_client:
        throw WriterAlreadyConnectedError("another client is attached to '" + name + "'");
      case Outcome::resetting:
        throw ServerBusyError("'" + name + "' is busy with a dead client's request");
      case Outcome::being_created:
        throw ServerNotFoundError("'" + name + "' exists, but its server is not ready");
      default:
        throw ServerNotFoundError("no living server has the name '" + name + "'");
    }
  }
}

Attachment::Outcome Attachment::try_object(const std::string& name, const ClientOptions& options, TimePoint deadline) {
  memory_ = std::make_unique<SharedMemory>(name);
  platform::SharedObject& object = memory_->object();
  object = platform::SharedObject::open(name);
  if (!object) return Outcome::no_server;
  if (object.owner() != ::geteuid() && !options.allow_other_users) {
    throw PermissionDeniedError("'" + name + "' belongs to user " + std::to_string(object.owner()));
  }
  if (object.size() < sizeof(std::uint64_t)) return Outcome::being_created;
  object.map(platform::page_wish(options));
  const std::uint64_t identity = ring::load_identity(object.bytes());
  switch (ring::identify(identity)) {
    case Identity::not_ready:
      return Outcome::being_created;
    case Identity::v2:
      break;
    default:
      refuse_version(name, identity);
  }
  if (!object.is_locked(wire::lock_byte_server)) return Outcome::no_server;
  segment_ = ring::Segment(object.bytes().data(), ring::validate(object.bytes(), false));
  if (!object.try_lock(wire::lock_byte_client)) return Outcome::other_client;

  // Acquire: pairs with the server's release store at the end of a reset.
  if (ring::load_acquire(segment_.request().writer_pid) != wire::pid_none) {
    const Outcome outcome = await_reset(name, options, deadline);
    if (outcome != Outcome::attached) return outcome;
  }
  // Only now: whoever is refused has not paid for the pages.
  object.prepare_pages();
  if (!open_semaphores(name, options)) return Outcome::no_server;
  // A server that still lives and still has its name proves that these semaphores are this object's, not a successor's.
  if (!object.is_locked(wire::lock_byte_server) || !object.is_linked()) return Outcome::no_server;
  const auto pid = static_cast<std::uint64_t>(::getpid());
  ring::store_release(segment_.response().reader_pid, pid);
  // Last: pairs with the server's acquire load. From here on the server resets when this client is gone.
  ring::store_release(segment_.request().writer_pid, pid);
  attached_ = true;
  return Outcome::attached;
}

Attachment::Outcome Attachment::await_reset(const std::string& name, const ClientOptions& options, TimePoint deadline) {
  // Pairs with the server's acquire load.
  ring::store_release(segment_.request().writer_pid, wire::reset_wanted);
  wake_server(name, options);
  Backoff backoff(longest_reset_nap);
  TimePoint checked = Clock::now();
  // Acquire: pairs with the server's release store at the end of a reset.
  while (ring::load_acquire(segment_.request().writer_pid) != wire::pid_none) {
    if (!backoff.nap(deadline)) return Outcome::resetting;
    const TimePoint now = Clock::now();
    if (now - checked < wire::default_v2_wait_slice) continue;
    checked = now;
    if (!memory_->object().is_locked(wire::lock_byte_server)) return Outcome::no_server;
  }
  return Outcome::attached;
}

Attachment::Outcome Attachment::try_view(const std::string& name, const ClientOptions& options) {
  const std::span<std::byte> memory = options.memory->bytes();
  if (memory.size() < sizeof(std::uint64_t))
    throw InvalidArgumentError("a view of " + std::to_string(memory.size()) + " bytes holds no segment");
  const std::uint64_t identity = ring::load_identity(memory);
  if (ring::identify(identity) == Identity::not_ready) return Outcome::being_created;
  if (ring::identify(identity) != Identity::v2) refuse_version(name, identity);
  segment_ = ring::Segment(memory.data(), ring::validate(memory, true));
  if (ring::load_acquire(segment_.response().writer_pid) == wire::pid_none) return Outcome::no_server;
  // There is no lock byte: whoever changes 0 into its pid is attached. Pairs with the server's release store at the end of a reset.
  const auto pid = static_cast<std::uint64_t>(::getpid());
  if (!ring::compare_and_swap(segment_.request().writer_pid, wire::pid_none, pid)) {
    const bool resetting = ring::load_acquire(segment_.request().writer_pid) == wire::reset_wanted;
    return resetting ? Outcome::resetting : Outcome::other_client;
  }
  attached_ = true;
  try {
    if (!open_semaphores(name, options)) {
      detach();
      return Outcome::no_server;
    }
  } catch (...) {
    detach();
    throw;
  }
  ring::store_release(segment_.response().reader_pid, pid);
  return Outcome::attached;
}

bool Attachment::open_semaphores(const std::string& name, const ClientOptions& options) {
  const bool others = options.allow_other_users;
  request_ready_ = platform::NamedSemaphore::open(wire::request_ready_semaphore(name), others);
  response_ready_ = platform::NamedSemaphore::open(wire::response_ready_semaphore(name), others);
  response_consumed_ = platform::NamedSemaphore::open(wire::response_consumed_semaphore(name), others);
  space_available_ = platform::NamedSemaphore::open(wire::space_available_semaphore(name), others);
  return request_ready_ && response_ready_ && response_consumed_ && space_available_;
}

void Attachment::wake_server(const std::string& name, const ClientOptions& options) {
  // Only a hint: the reset that is wanted may replace this very semaphore. The server looks by itself within a slice.
  platform::NamedSemaphore hint = platform::NamedSemaphore::open(wire::request_ready_semaphore(name), options.allow_other_users);
  ring::fence();  // pairs with the fence behind the server's wait
  if (hint) hint.post_if_zero();
}

Attachment::Server Attachment::server() {
  // Pairs with the server's release store when it stops or finds corruption. The pid before the lock: a server that stops stores it
  // after it let go of the lock, and is no longer alive to whoever saw it.
  const bool disowned = ring::load_acquire(segment_.response().writer_pid) == wire::pid_none;
  if (memory_ && !memory_->object().is_locked(wire::lock_byte_server)) return Server::gone;
  if (!disowned) return Server::alive;
  return memory_ ? Server::found_corruption : Server::gone;
}

void Attachment::detach() noexcept {
  if (attached_) {
    attached_ = false;
    // Pairs with the server's acquire load: it sees by this one word that the client has left.
    ring::store_release(segment_.request().writer_pid, wire::reset_wanted);
    release_byte();
    ring::fence();  // pairs with the fence behind the server's wait
    if (request_ready_) request_ready_.post_if_zero();
  } else {
    release_byte();
  }
}

void Attachment::release_byte() noexcept {
  // Explicitly: a child that is just being forked may share the description for a moment.
  if (memory_) memory_->object().unlock(wire::lock_byte_client);
}

}  // namespace zeroduplex::detail
