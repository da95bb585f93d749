#include "hls/requantise/top.hpp"

#include "hls/portability.hpp"
#include "hls/requantise/requantise.hpp"

extern "C" {

std::int8_t sluice_requantise(std::int32_t sum, std::uint32_t multiplier, std::uint8_t shift,
                              std::int8_t zero_point, std::int8_t minimum, std::int8_t maximum) {
  HLS_PIPELINE(1)
  return sluice::Requantise(sum, multiplier, shift, zero_point, minimum, maximum);
}

std::int8_t sluice_requantise_biased(std::int32_t sum, std::int32_t bias, std::uint32_t multiplier,
                                     std::uint8_t shift, std::int8_t zero_point,
                                     std::int8_t minimum, std::int8_t maximum) {
  HLS_PIPELINE(1)
  return sluice::RequantiseBiased(sum, bias, multiplier, shift, zero_point, minimum, maximum);
}

}  // extern "C"
