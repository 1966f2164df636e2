#pragma once

#include <cstddef>
#include <string_view>

namespace zeroduplex::detail {

/// The longest prefix of at most `room` bytes that does not end within a UTF-8 character.
inline std::string_view cut_utf8(std::string_view text, std::size_t room) {
  if (text.size() <= room) return text;
  std::size_t length = room;
  const auto continues = [&](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U; };
  while (length > 0 && continues(length)) --length;
  return text.substr(0, length);
}

}  // namespace zeroduplex::detail
