#include "common/clear_name.hpp"

#include <unistd.h>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>

#include "common/object_start.hpp"
#include "platform/object.hpp"
#include "platform/process.hpp"

namespace zeroduplex::detail {

namespace {

/// Version 1 has no lock byte: its pids are all there is to go by. A writer alone does not own a buffer, but no server takes it
/// away from a living process; a reader does, and the writer will find that its reader is gone.
void refuse_living_v1(const std::string& name, const ObjectStart& start, Claimant claimant) {
  const std::string what = "'" + name + "' is a ZeroBuffer v1 buffer of the living process ";
  const std::uint64_t reader = start.word(wire::oieb_v1_reader_pid_offset);
  const std::uint64_t writer = start.word(wire::oieb_v1_writer_pid_offset);
  if (claimant == Claimant::v1_reader) {
    if (platform::is_living(reader)) throw ReaderAlreadyConnectedError(what + std::to_string(reader));
    return;
  }
  for (const std::uint64_t pid : {reader, writer}) {
    if (platform::is_living(pid)) throw NameInUseError(what + std::to_string(pid));
  }
}

void refuse_foreign(const std::string& name, const ObjectStart& start) {
  const ring::Identity identity = start.identity();
  const std::size_t length = start.length();
  // Nothing written yet: a v2 segment being built, or a v1 buffer whose creator died before it gave it a size.
  const bool unwritten = identity == ring::Identity::not_ready && (length == 0 || length >= wire::oieb_v2_size);
  if (unwritten || identity == ring::Identity::v1 || identity == ring::Identity::v2) return;
  throw NameInUseError(wire::object_path(name) + " is not ours: it holds " + ring::describe_identity(start.identity_word()));
}

/// Opens what has the name. One that denies us access is another user's, and his name is not ours to take.
platform::SharedObject open_old(const std::string& name) {
  try {
    return platform::SharedObject::open(name);
  } catch (const PermissionDeniedError& e) {
    throw NameInUseError("another user's object has this name (" + e.detail() + ")");
  }
}

}  // namespace

void clear_name(const std::string& name, bool allow_other_users, Claimant claimant) {
  for (;;) {
    platform::SharedObject object = open_old(name);
    if (!object) return;
    if (object.owner() != ::geteuid() && !allow_other_users) {
      throw PermissionDeniedError(wire::object_path(name) + " belongs to user " + std::to_string(object.owner()));
    }
    const ObjectStart start(object);
    refuse_foreign(name, start);
    if (start.identity() == ring::Identity::v1) refuse_living_v1(name, start, claimant);
    if (!object.try_lock(wire::lock_byte_server)) throw NameInUseError("'" + name + "' has a living server");
    // We hold the byte now, so nobody else takes the same object for a dead one. Removed by somebody before that, the name may lead
    // to a new object: look again.
    const bool still_named = object.is_named();
    if (still_named) object.remove();
    object.unlock(wire::lock_byte_server);
    if (still_named) return;
  }
}

void refuse_owned_name(const std::string& name) {
  platform::SharedObject object = platform::SharedObject::open(name);
  if (object && ObjectStart(object).identity() == ring::Identity::v2 && object.is_locked(wire::lock_byte_server)) {
    throw NameInUseError("'" + name + "' has a living server");
  }
  throw ReaderAlreadyConnectedError("'" + name + "' is owned by a living process, which holds the lock");
}

}  // namespace zeroduplex::detail
