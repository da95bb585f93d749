// The search for the tables of an addition with which all 65,536 operand pairs give the reference's
// bits. Host code of the test bench; the compiler has its own.
#ifndef SLUICE_HLS_ELEMENTWISE_REFERENCE_TABLES_HPP_
#define SLUICE_HLS_ELEMENTWISE_REFERENCE_TABLES_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "hls/elementwise/add.hpp"
#include "hls/elementwise/reference.hpp"
#include "hls/elementwise/select.hpp"

namespace sluice {
namespace reference {

constexpr std::uint32_t kFractionBitsMost = 24;
constexpr std::uint32_t kFractionBitsLeast = 16;
constexpr std::uint32_t kWindowMost = 8;

// One addition's parameters and terms.
struct AddTables {
  bool found = false;
  bool repaired = false;
  std::uint32_t shift = 0;
  std::uint32_t window = 0;
  std::int32_t a[kTableEntries] = {};
  std::int32_t b[kTableEntries] = {};
};

// round((value - zero_point) * scale / output scale * 2^shift) of every value; false where one
// doesn't fit int32.
inline bool FillTerms(std::int32_t (&terms)[kTableEntries], Quantisation from, float output_scale,
                      std::uint32_t shift) {
  for (std::int32_t value = -128; value <= 127; ++value) {
    const double ratio = static_cast<double>(from.scale) / static_cast<double>(output_scale);
    const double term =
        std::nearbyint((value - from.zero_point) * std::ldexp(ratio, static_cast<int>(shift)));
    if (std::fabs(term) > INT32_MAX) return false;
    terms[TableIndex(static_cast<std::int8_t>(value))] = static_cast<std::int32_t>(term);
  }
  return true;
}

// The reference's result for every pair, b the faster index.
inline std::vector<std::int8_t> EveryAdd(Quantisation from_a, Quantisation from_b,
                                         Quantisation to) {
  std::vector<std::int8_t> results;
  results.reserve(kTableEntries * kTableEntries);
  for (std::int32_t a = -128; a <= 127; ++a) {
    for (std::int32_t b = -128; b <= 127; ++b) {
      results.push_back(
          Add(static_cast<std::int8_t>(a), from_a, static_cast<std::int8_t>(b), from_b, to));
    }
  }
  return results;
}

// How many pairs differ, counted up to `most`.
inline std::uint32_t CountDiffering(const AddTables& tables, std::int32_t zero_point,
                                    const std::vector<std::int8_t>& expected, std::uint32_t most) {
  std::uint32_t differing = 0;
  for (std::size_t pair = 0; pair < expected.size() && differing < most; ++pair) {
    const std::int32_t term_a = tables.a[pair / kTableEntries];
    const std::int32_t term_b = tables.b[pair % kTableEntries];
    const std::int8_t result =
        AddTerms(term_a, term_b, tables.shift, tables.window, zero_point, -128, 127);
    if (result != expected[pair]) ++differing;
  }
  return differing;
}

// The first number of fraction bits and window with which rounded terms do.
inline AddTables FindRoundedTables(Quantisation from_a, Quantisation from_b, Quantisation to,
                                   const std::vector<std::int8_t>& expected) {
  AddTables tables;
  for (tables.shift = kFractionBitsMost; tables.shift >= kFractionBitsLeast; --tables.shift) {
    if (!FillTerms(tables.a, from_a, to.scale, tables.shift)) continue;
    if (!FillTerms(tables.b, from_b, to.scale, tables.shift)) continue;
    for (tables.window = 0; tables.window <= kWindowMost; ++tables.window) {
      tables.found = CountDiffering(tables, to.zero_point, expected, 1) == 0;
      if (tables.found) return tables;
    }
  }
  return tables;
}

// Lowers a term, or raises b's, wherever a pair misses its result; true while something changed.
// `a[i] + b[j]` must lie between two bounds for each pair, which in a and -b is a system of
// difference constraints, and this is one round of Bellman and Ford's algorithm on it.
inline bool RelaxTerms(std::vector<std::int64_t>& a, std::vector<std::int64_t>& b,
                       std::uint32_t shift, std::int32_t zero_point,
                       const std::vector<std::int8_t>& expected) {
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  bool changed = false;
  for (std::size_t pair = 0; pair < expected.size(); ++pair) {
    std::int64_t& term_a = a[pair / kTableEntries];
    std::int64_t& term_b = b[pair % kTableEntries];
    const std::int64_t result = expected[pair] - zero_point;
    const std::int64_t excluded = result % 2 == 0 ? 0 : 1;
    const std::int64_t most = result * 2 * half + half - excluded;
    const std::int64_t least = result * 2 * half - half + excluded;
    if (expected[pair] < 127 && term_a + term_b > most) {
      term_a = most - term_b;
      changed = true;
    }
    if (expected[pair] > -128 && term_a + term_b < least) {
      term_b = least - term_a;
      changed = true;
    }
  }
  return changed;
}

// Terms moved by as little as the pairs beside ties need, without a window. Not found means that
// there are none with so many fraction bits: after as many rounds as there are unknowns, a change
// proves a contradiction.
inline AddTables RepairTables(Quantisation from_a, Quantisation from_b, Quantisation to,
                              std::uint32_t shift, const std::vector<std::int8_t>& expected) {
  AddTables tables;
  tables.repaired = true;
  tables.shift = shift;
  if (!FillTerms(tables.a, from_a, to.scale, shift)) return tables;
  if (!FillTerms(tables.b, from_b, to.scale, shift)) return tables;
  std::vector<std::int64_t> a(tables.a, tables.a + kTableEntries);
  std::vector<std::int64_t> b(tables.b, tables.b + kTableEntries);
  std::uint32_t rounds = 0;
  while (RelaxTerms(a, b, shift, to.zero_point, expected)) {
    if (++rounds > 2 * kTableEntries) return tables;
  }
  for (std::size_t entry = 0; entry < kTableEntries; ++entry) {
    if (std::llabs(a[entry]) > INT32_MAX || std::llabs(b[entry]) > INT32_MAX) return tables;
    tables.a[entry] = static_cast<std::int32_t>(a[entry]);
    tables.b[entry] = static_cast<std::int32_t>(b[entry]);
  }
  tables.found = CountDiffering(tables, to.zero_point, expected, 1) == 0;
  return tables;
}

// Rounded terms, else moved ones with as many fraction bits as fit. Fewer need not be tried: terms
// that do with fewer would, doubled, do with one more.
inline AddTables FindAddTables(Quantisation from_a, Quantisation from_b, Quantisation to) {
  const std::vector<std::int8_t> expected = EveryAdd(from_a, from_b, to);
  const AddTables rounded = FindRoundedTables(from_a, from_b, to, expected);
  if (rounded.found) return rounded;
  AddTables scratch;
  std::uint32_t shift = kFractionBitsMost;
  while (!FillTerms(scratch.a, from_a, to.scale, shift) ||
         !FillTerms(scratch.b, from_b, to.scale, shift)) {
    if (--shift < kFractionBitsLeast) return rounded;
  }
  return RepairTables(from_a, from_b, to, shift, expected);
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_ELEMENTWISE_REFERENCE_TABLES_HPP_
