#pragma once

#include <string>
#include <string_view>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>

#include "platform/name.hpp"

namespace zeroduplex::detail {

/// A v1 duplex channel is two v1 buffers, whose names are the channel's with these behind it.
inline constexpr std::string_view request_suffix = "_request";
inline constexpr std::string_view response_suffix = "_response";

[[nodiscard]] inline std::string request_buffer(const std::string& channel) { return channel + std::string(request_suffix); }
[[nodiscard]] inline std::string response_buffer(const std::string& channel) { return channel + std::string(response_suffix); }

/// Whether both names are names.
[[nodiscard]] inline bool fits_dual_buffer(std::string_view channel) noexcept {
  return wire::valid_name(channel) && channel.size() + response_suffix.size() <= wire::name_maximum;
}

/// Throws InvalidNameError for anything that is no name of a v1 duplex channel.
inline void check_dual_buffer_name(const std::string& channel) {
  platform::check_name(channel);
  if (fits_dual_buffer(channel)) return;
  throw InvalidNameError("'" + channel + "' (" + std::to_string(channel.size()) + " bytes) leaves no room for \"" +
                         std::string(response_suffix) + "\" behind the name of a v1 channel");
}

}  // namespace zeroduplex::detail
