#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace examples {

/// How the pixels of a frame lie: RGBA, one byte each. Travels as JSON in the channel's request metadata.
struct Geometry {
  std::size_t width = 0;
  std::size_t height = 0;
  std::size_t stride = 0;  // bytes from one row to the next

  [[nodiscard]] std::size_t size() const { return height * stride; }
  [[nodiscard]] std::string to_json() const;
};

/// Reads {"width":W,"height":H,"stride":S,"format":"rgba8"}. Throws std::invalid_argument for what is no possible picture.
Geometry parse_geometry(std::span<const std::byte> json);

/// Turns the colours into their complements and keeps alpha.
void invert(std::span<std::uint8_t> pixels, const Geometry& geometry);

/// Softens in place with the binomial kernel 1-4-6-4-1, first along the rows, then down the columns, on all four channels. Edges
/// are clamped and each pass rounds to (sum + 8) >> 4. Needs scratch memory for four rows.
void blur(std::span<std::uint8_t> pixels, const Geometry& geometry);

}  // namespace examples
