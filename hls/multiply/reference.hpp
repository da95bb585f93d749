// Dot products the plain way: one int8 multiplication at a time.
#ifndef SLUICE_HLS_MULTIPLY_REFERENCE_HPP_
#define SLUICE_HLS_MULTIPLY_REFERENCE_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice {
namespace reference {

inline std::int64_t DotProduct(const std::vector<std::int8_t>& weights,
                               const std::vector<std::int8_t>& activations) {
  std::int64_t sum = 0;
  for (std::size_t lane = 0; lane < weights.size(); ++lane) {
    sum += std::int64_t{weights[lane]} * activations[lane];
  }
  return sum;
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_MULTIPLY_REFERENCE_HPP_
