#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace examples {

/// The element at index min(n-1, floor(n*q)) of the samples in ascending order; 0 without samples. Every language's peers use this
/// definition, so that their figures can stand in one table.
inline std::int64_t percentile(std::vector<std::int64_t>& samples, double q) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const auto index = static_cast<std::size_t>(static_cast<double>(samples.size()) * q);
  return samples[std::min(index, samples.size() - 1)];
}

}  // namespace examples
