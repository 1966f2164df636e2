#include "platform/name.hpp"

#include <algorithm>
#include <string>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>

namespace zeroduplex::platform {

void check_name(std::string_view name) {
  if (wire::valid_name(name)) return;
  std::string shown(name.substr(0, wire::name_maximum));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  throw InvalidNameError("'" + shown + "' (" + std::to_string(name.size()) + " bytes) is no channel name");
}

}  // namespace zeroduplex::platform
