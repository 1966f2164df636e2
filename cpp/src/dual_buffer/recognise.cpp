#include "dual_buffer/recognise.hpp"

#include <algorithm>

#include <zeroduplex/dual_buffer_duplex_channel.hpp>
#include <zeroduplex/error.hpp>
#include <zeroduplex/in_place_duplex_channel.hpp>

#include "common/backoff.hpp"
#include "common/object_start.hpp"
#include "common/wait.hpp"
#include "dual_buffer/names.hpp"
#include "platform/object.hpp"
#include "platform/process.hpp"
#include "stream/buffer.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::SharedObject;
using platform::TimePoint;

namespace {

bool v2_server_lives(const std::string& name) {
  try {
    SharedObject object = SharedObject::open(name);
    if (!object) return false;
    const ring::Identity identity = ObjectStart(object).identity();
    return (identity == ring::Identity::v2 || identity == ring::Identity::other_version) &&
           object.is_locked(wire::lock_byte_server);
  } catch (const Error&) {
    return false;  // the client says why, when it tries
  }
}

bool heals(ErrorCode code) {
  return code == ErrorCode::server_not_found || code == ErrorCode::server_busy || code == ErrorCode::writer_already_connected;
}

/// Throws what keeps us from looking.
bool v1_server_lives(const std::string& name) {
  if (!fits_dual_buffer(name)) return false;
  const SharedObject object = SharedObject::open(request_buffer(name));
  if (!object) return false;
  const ObjectStart start(object);
  return stream::speaks_v1(start.identity_word()) && platform::is_living(start.word(wire::oieb_v1_reader_pid_offset));
}

}  // namespace

std::unique_ptr<IDuplexClient> connect_to_any(const std::string& name, const ClientOptions& options) {
  // Only v2 has clients over a view of memory.
  if (options.memory) return std::make_unique<InPlaceDuplexChannel>(name, options);
  check_timeout(options.connect_timeout);
  const TimePoint deadline = platform::deadline_after(Clock::now(), options.connect_timeout);
  ClientOptions within = options;
  const auto what_is_left = [&]() -> const ClientOptions& {
    within.connect_timeout = std::max(std::chrono::nanoseconds::zero(), std::chrono::nanoseconds(deadline - Clock::now()));
    return within;
  };
  for (Backoff backoff(longest_connect_nap);;) {
    if (v2_server_lives(name)) return std::make_unique<InPlaceDuplexChannel>(name, what_is_left());
    std::exception_ptr hidden;  // a v1 server may be behind what we cannot look at
    try {
      if (v1_server_lives(name)) return std::make_unique<DualBufferDuplexChannel>(name, what_is_left());
    } catch (const PermissionDeniedError&) {
      hidden = std::current_exception();
    }
    try {
      within.connect_timeout = std::chrono::nanoseconds::zero();
      return std::make_unique<InPlaceDuplexChannel>(name, within);
    } catch (const Error& e) {
      // Nobody lived there a moment ago, but a server may have come since; one that comes holds its predecessor's byte before it
      // unlinks the object, which may look busy then. All of that heals within the caller's timeout.
      if (!heals(e.code())) throw;
      if (backoff.nap(deadline)) continue;
      if (hidden && e.code() == ErrorCode::server_not_found) std::rethrow_exception(hidden);
      throw;
    }
  }
}

}  // namespace zeroduplex::detail
