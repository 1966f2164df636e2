#pragma once

#include <string_view>

namespace zeroduplex::platform {

/// Throws InvalidNameError for anything that is no name of a channel.
void check_name(std::string_view name);

}  // namespace zeroduplex::platform
