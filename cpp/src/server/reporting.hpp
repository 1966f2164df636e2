#pragma once

#include <functional>

#include <zeroduplex/error.hpp>
#include <zeroduplex/options.hpp>

namespace zeroduplex::detail {

/// Tells the user's on_error, if there is one.
inline void tell(const std::function<void(const Error&)>& on_error, const Error& error) noexcept {
  if (!on_error) return;
  try {
    on_error(error);
  } catch (...) {
    // It promised not to throw, and there is nobody to tell.
  }
}

/// Throws InvalidArgumentError for options that no server takes.
inline const ServerOptions& checked(const ServerOptions& options) {
  if (options.workers < 1) throw InvalidArgumentError("a server needs at least 1 worker");
  if (options.reset_timeout.count() < 0 || options.stop_timeout.count() < 0 || options.spin_window.count() < 0) {
    throw InvalidArgumentError("a timeout is negative");
  }
  return options;
}

}  // namespace zeroduplex::detail
