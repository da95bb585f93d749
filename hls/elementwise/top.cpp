#include "hls/elementwise/top.hpp"

#include "hls/elementwise/add.hpp"
#include "hls/elementwise/multiply_elements.hpp"
#include "hls/elementwise/select.hpp"
#include "hls/portability.hpp"

extern "C" {

std::int8_t sluice_add_terms(std::int32_t term_a, std::int32_t term_b, std::uint8_t shift,
                             std::uint8_t window, std::int8_t zero_point, std::int8_t minimum,
                             std::int8_t maximum) {
  HLS_PIPELINE(1)
  return sluice::AddTerms(term_a, term_b, shift, window, zero_point, minimum, maximum);
}

std::int8_t sluice_multiply_elements(std::int8_t a, std::int8_t a_zero, std::int8_t b,
                                     std::int8_t b_zero, std::uint32_t multiplier,
                                     std::uint8_t shift, std::int8_t zero_point,
                                     std::int8_t minimum, std::int8_t maximum) {
  HLS_PIPELINE(1)
  return sluice::MultiplyElements(a, a_zero, b, b_zero, multiplier, shift, zero_point, minimum,
                                  maximum);
}

std::int8_t sluice_pool_maximum(std::int8_t left, std::int8_t right) {
  HLS_PIPELINE(1)
  return sluice::PoolMaximum(left, right);
}

std::int8_t sluice_clamp(std::int8_t value, std::int8_t minimum, std::int8_t maximum) {
  HLS_PIPELINE(1)
  return sluice::Clamp(value, minimum, maximum);
}

std::uint8_t sluice_table_index(std::int8_t value) {
  HLS_PIPELINE(1)
  return sluice::TableIndex(value);
}

}  // extern "C"
