// What needs no rounding: maximum, clamp, and the address in a 256-entry table.
#ifndef SLUICE_HLS_ELEMENTWISE_SELECT_HPP_
#define SLUICE_HLS_ELEMENTWISE_SELECT_HPP_

#include <cstdint>

#include "hls/portability.hpp"

namespace sluice {

// Entries of a table over every int8, in ascending order of the int8.
constexpr std::uint32_t kTableEntries = 256;

// The larger one: a step of max pooling, whose scale and zero point don't change.
inline std::int8_t PoolMaximum(std::int8_t left, std::int8_t right) {
  HLS_INLINE
  return left > right ? left : right;
}

// value within minimum to maximum; maximum where they are crossed.
inline std::int8_t Clamp(std::int8_t value, std::int8_t minimum, std::int8_t maximum) {
  HLS_INLINE
  const std::int8_t raised = value < minimum ? minimum : value;
  return raised > maximum ? maximum : raised;
}

// The entry for a value: value + 128, which is the sign bit inverted.
inline std::uint8_t TableIndex(std::int8_t value) {
  HLS_INLINE
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(value) ^ 0x80);
}

// The entry itself: int8 for a function of one tensor, int32 for the terms of an addition.
template <class Entry>
inline Entry LookUp(const Entry (&table)[kTableEntries], std::int8_t value) {
  HLS_INLINE
  return table[TableIndex(value)];
}

}  // namespace sluice

#endif  // SLUICE_HLS_ELEMENTWISE_SELECT_HPP_
