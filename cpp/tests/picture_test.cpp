// The example's filters against what they mean, one pixel at a time and with a whole second picture.

#include "common/picture.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "common/flags.hpp"
#include "common/percentile.hpp"
#include "support.hpp"

namespace examples {
namespace {

using Pixels = std::vector<std::uint8_t>;

Pixels blur_pass(const Pixels& in, const Geometry& g, int dx, int dy) {
  constexpr int weights[] = {1, 4, 6, 4, 1};
  Pixels out = in;
  const int width = static_cast<int>(g.width);
  const int height = static_cast<int>(g.height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (std::size_t c = 0; c < 4; ++c) {
        int sum = 8;
        for (int k = -2; k <= 2; ++k) {
          const int sx = std::clamp(x + k * dx, 0, width - 1);
          const int sy = std::clamp(y + k * dy, 0, height - 1);
          sum += weights[k + 2] * in[static_cast<std::size_t>(sy) * g.stride + static_cast<std::size_t>(sx) * 4 + c];
        }
        out[static_cast<std::size_t>(y) * g.stride + static_cast<std::size_t>(x) * 4 + c] = static_cast<std::uint8_t>(sum >> 4);
      }
    }
  }
  return out;
}

TEST(Picture, FiltersEqualTheNaiveOnes) {
  std::mt19937 random(1);
  std::vector<std::pair<std::size_t, std::size_t>> sizes = {{1, 1}, {1, 2}, {2, 1}, {3, 3}, {5, 1}, {1, 5}, {4, 7}, {641, 479}};
  for (int i = 0; i < 40; ++i) sizes.emplace_back(1 + random() % 40, 1 + random() % 40);
  for (const auto& [width, height] : sizes) {
    const Geometry g{.width = width, .height = height, .stride = width * 4 + (random() % 2) * (random() % 20)};
    Pixels source(g.size());
    for (auto& b : source) b = static_cast<std::uint8_t>(random());

    Pixels blurred = source;
    blur(blurred, g);
    EXPECT_TRUE(blurred == blur_pass(blur_pass(source, g, 1, 0), g, 0, 1)) << width << " x " << height;

    Pixels inverted = source;
    invert(inverted, g);
    Pixels expected = source;
    for (std::size_t y = 0; y < height; ++y) {
      for (std::size_t x = 0; x < width; ++x) {
        for (std::size_t c = 0; c < 3; ++c) expected[y * g.stride + x * 4 + c] ^= 0xFF;
      }
    }
    EXPECT_TRUE(inverted == expected) << width << " x " << height;
  }
}

TEST(Picture, GeometryThereAndBack) {
  const Geometry g{.width = 641, .height = 479, .stride = 2564};
  EXPECT_EQ(R"({"width":641,"height":479,"stride":2564,"format":"rgba8"})", g.to_json());
  for (const std::string& json :
       {g.to_json(), std::string("{ \"format\" : \"rgba8\", \"height\": 479 ,\n\"stride\":2564,\"width\":641 }")}) {
    const Geometry back = parse_geometry(test::bytes(json));
    EXPECT_EQ(641U, back.width);
    EXPECT_EQ(479U, back.height);
    EXPECT_EQ(2564U, back.stride);
  }
}

TEST(Picture, ImpossibleGeometries) {
  for (const char* json :
       {"", "{", R"({"width":1,"height":1,"stride":4})", R"({"width":1,"height":1,"stride":4,"format":"bgr"})",
        R"({"width":0,"height":1,"stride":4,"format":"rgba8"})", R"({"width":1,"height":-1,"stride":4,"format":"rgba8"})",
        R"({"width":2,"height":1,"stride":7,"format":"rgba8"})", R"({"width":1,"height":1,"stride":99999999999,"format":"rgba8"})",
        R"({"width":"1","height":1,"stride":4,"format":"rgba8"})"}) {
    EXPECT_THROW(parse_geometry(test::bytes(json)), std::invalid_argument) << json;
  }
  Pixels pixels(15);
  EXPECT_THROW(invert(pixels, {.width = 2, .height = 2, .stride = 8}), std::invalid_argument);
  EXPECT_THROW(blur(pixels, {.width = 2, .height = 2, .stride = 8}), std::invalid_argument);
}

TEST(Programs, Flags) {
  const char* argv[] = {"program", "--name", "a", "--count=3", "--json"};
  Flags flags(5, argv, {"json"});
  EXPECT_EQ("a", flags.text("name"));
  EXPECT_EQ(3, flags.number<int>("count", 1, 1));
  EXPECT_TRUE(flags.is_set("json"));
  EXPECT_EQ(7, flags.number<int>("other", 7, 1));
  EXPECT_NO_THROW(flags.finish());
  EXPECT_THROW(Flags(2, argv), UsageError);
  const char* bad[] = {"program", "--count", "x"};
  EXPECT_THROW(Flags(3, bad).number<int>("count", 1, 1), UsageError);
  EXPECT_THROW(Flags(3, bad).finish(), UsageError);
  const char* stray[] = {"program", "stray"};
  EXPECT_THROW(Flags(2, stray), UsageError);
}

TEST(Programs, Percentile) {
  std::vector<std::int64_t> samples;
  EXPECT_EQ(0, percentile(samples, 0.5));
  for (int i = 100; i >= 1; --i) samples.push_back(i);
  EXPECT_EQ(51, percentile(samples, 0.50));
  EXPECT_EQ(100, percentile(samples, 0.99));
}

}  // namespace
}  // namespace examples
