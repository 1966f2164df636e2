#include "server/clear_name.hpp"

#include <unistd.h>

#include <array>
#include <cstring>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>

#include "platform/object.hpp"
#include "platform/process.hpp"
#include "ring/identity.hpp"

namespace zeroduplex::detail {

namespace {

using Start = std::array<std::byte, wire::oieb_v1_size>;

std::uint64_t read_word(const Start& start, std::size_t offset) {
  std::uint64_t word = 0;
  std::memcpy(&word, start.data() + offset, sizeof word);
  return word;
}

/// Version 1 has no lock byte: its pids are all there is to go by.
void refuse_living_v1(const std::string& name, const Start& start) {
  for (const std::size_t offset : {wire::oieb_v1_reader_pid_offset, wire::oieb_v1_writer_pid_offset}) {
    const std::uint64_t pid = read_word(start, offset);
    if (platform::is_living(pid)) {
      throw NameInUseError("'" + name + "' is a ZeroBuffer v1 buffer of the living process " + std::to_string(pid));
    }
  }
}

void refuse_foreign(const std::string& name, const Start& start, std::size_t length) {
  const std::uint64_t word = read_word(start, 0);
  const ring::Identity identity = ring::identify(word);
  // Nothing written yet: a v2 segment being built, or a v1 buffer whose creator died before it gave it a size.
  const bool unwritten = identity == ring::Identity::not_ready && (length == 0 || length >= wire::oieb_v2_size);
  if (unwritten || identity == ring::Identity::v1 || identity == ring::Identity::v2) return;
  throw NameInUseError(wire::object_path(name) + " is not ours: it holds " + ring::describe_identity(word));
}

}  // namespace

void clear_name(const std::string& name, bool allow_other_users) {
  for (;;) {
    platform::SharedObject object = platform::SharedObject::open(name);
    if (!object) return;
    if (object.owner() != ::geteuid() && !allow_other_users) {
      throw PermissionDeniedError(wire::object_path(name) + " belongs to user " + std::to_string(object.owner()));
    }
    Start start{};
    const std::size_t length = object.read_start(start);
    refuse_foreign(name, start, length);
    if (ring::identify(read_word(start, 0)) == ring::Identity::v1) refuse_living_v1(name, start);
    if (!object.try_lock(wire::lock_byte_server)) throw NameInUseError("'" + name + "' has a living server");
    // We hold the byte now, so nobody else takes the same object for a dead one. Removed by somebody before that, the name may lead
    // to a new object: look again.
    const bool still_named = object.is_named();
    if (still_named) object.remove();
    object.unlock(wire::lock_byte_server);
    if (still_named) return;
  }
}

}  // namespace zeroduplex::detail
