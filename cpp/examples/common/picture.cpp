#include "common/picture.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace examples {

namespace {

constexpr std::size_t bytes_per_pixel = 4;

/// The text behind `"key":` in a flat JSON object.
std::string_view value_of(std::string_view json, std::string_view key) {
  const std::string quoted = std::string(1, '"').append(key) + '"';
  std::size_t at = json.find(quoted);
  if (at != std::string_view::npos) at = json.find_first_not_of(" \t\r\n", at + quoted.size());
  if (at == std::string_view::npos || json[at] != ':') throw std::invalid_argument("the picture geometry has no " + quoted);
  at = std::min(json.find_first_not_of(" \t\r\n", at + 1), json.size());
  const std::size_t end = json.find_first_of(" \t\r\n,}", at);
  return json.substr(at, end - at);
}

std::size_t number_of(std::string_view json, std::string_view key, std::size_t most) {
  const std::string_view text = value_of(json, key);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 || number > most) {
    throw std::invalid_argument("the picture's " + std::string(key) + " cannot be " + std::string(text));
  }
  return number;
}

void check(std::span<const std::uint8_t> pixels, const Geometry& geometry) {
  if (pixels.size() == geometry.size()) return;
  throw std::invalid_argument("a frame of " + std::to_string(pixels.size()) + " bytes is not a picture of " +
                              std::to_string(geometry.height) + " rows of " + std::to_string(geometry.stride) + " bytes");
}

std::uint8_t binomial(unsigned a, unsigned b, unsigned c, unsigned d, unsigned e) {
  return static_cast<std::uint8_t>((a + 4 * b + 6 * c + 4 * d + e + 8) >> 4U);
}

void blur_row(std::uint8_t* row, std::size_t bytes, std::vector<std::uint8_t>& padded) {
  // A copy with the first and the last pixel repeated twice on either side: that is the clamping.
  constexpr std::size_t margin = 2 * bytes_per_pixel;
  std::copy_n(row, bytes, padded.data() + margin);
  for (std::size_t i = 0; i < margin; ++i) {
    padded[i] = row[i % bytes_per_pixel];
    padded[margin + bytes + i] = row[bytes - bytes_per_pixel + i % bytes_per_pixel];
  }
  const std::uint8_t* p = padded.data();
  for (std::size_t i = 0; i < bytes; ++i, ++p) row[i] = binomial(p[0], p[4], p[8], p[12], p[16]);
}

}  // namespace

std::string Geometry::to_json() const {
  return R"({"width":)" + std::to_string(width) + R"(,"height":)" + std::to_string(height) + R"(,"stride":)" +
         std::to_string(stride) + R"(,"format":"rgba8"})";
}

Geometry parse_geometry(std::span<const std::byte> json) {
  constexpr std::size_t most = 1U << 30U;  // keeps every product far from overflow
  const std::string_view text(reinterpret_cast<const char*>(json.data()), json.size());
  if (text.empty()) throw std::invalid_argument("no picture geometry: the client must set its metadata");
  if (value_of(text, "format") != "\"rgba8\"") throw std::invalid_argument("the picture's format is not \"rgba8\"");
  Geometry geometry{.width = number_of(text, "width", most / bytes_per_pixel),
                    .height = number_of(text, "height", most),
                    .stride = number_of(text, "stride", most)};
  if (geometry.stride < geometry.width * bytes_per_pixel) {
    throw std::invalid_argument("a picture stride of " + std::to_string(geometry.stride) + " bytes does not fit rows of " +
                                std::to_string(geometry.width) + " pixels");
  }
  return geometry;
}

void invert(std::span<std::uint8_t> pixels, const Geometry& geometry) {
  check(pixels, geometry);
  for (std::size_t y = 0; y < geometry.height; ++y) {
    std::uint8_t* row = pixels.data() + y * geometry.stride;
    for (std::size_t i = 0; i < geometry.width * bytes_per_pixel; ++i) {
      if (i % bytes_per_pixel != 3) row[i] = static_cast<std::uint8_t>(255 - row[i]);
    }
  }
}

void blur(std::span<std::uint8_t> pixels, const Geometry& geometry) {
  check(pixels, geometry);
  const std::size_t bytes = geometry.width * bytes_per_pixel;
  const auto row_at = [&](std::size_t y) { return pixels.data() + y * geometry.stride; };

  std::vector<std::uint8_t> padded(bytes + 4 * bytes_per_pixel);
  for (std::size_t y = 0; y < geometry.height; ++y) blur_row(row_at(y), bytes, padded);

  // Rows below the current one are still unblurred; of it and of the two above only these copies are.
  std::vector<std::uint8_t> current(bytes);
  std::vector<std::uint8_t> above(row_at(0), row_at(0) + bytes);
  std::vector<std::uint8_t> above2 = above;
  for (std::size_t y = 0; y < geometry.height; ++y) {
    std::uint8_t* row = row_at(y);
    std::copy_n(row, bytes, current.data());
    const bool last = y + 1 == geometry.height;
    const std::uint8_t* below = last ? current.data() : row_at(y + 1);
    const std::uint8_t* below2 = last ? current.data() : row_at(std::min(y + 2, geometry.height - 1));
    for (std::size_t i = 0; i < bytes; ++i) row[i] = binomial(above2[i], above[i], current[i], below[i], below2[i]);
    above2.swap(above);
    above.swap(current);
  }
}

}  // namespace examples
