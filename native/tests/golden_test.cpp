// ONNX Runtime's golden values (test/golden/npu-arithmetic) against the datapaths of hls/.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hls/elementwise/top.hpp"
#include "hls/requantise/top.hpp"
#include "hls/testing.hpp"
#include "native/tests/golden_cases.hpp"

namespace {

using sluice::testing::Case;

std::int8_t Int8(std::int32_t value) { return static_cast<std::int8_t>(value); }

std::uint8_t Uint8(std::int32_t value) { return static_cast<std::uint8_t>(value); }

std::int32_t Requantise(const Case& c) {
  return sluice_requantise_biased(c[0], c[1], static_cast<std::uint32_t>(c[2]), Uint8(c[3]),
                                  Int8(c[4]), Int8(c[5]), Int8(c[6]));
}

std::int32_t Add(const Case& c) {
  return sluice_add_terms(c[0], c[1], Uint8(c[2]), Uint8(c[3]), Int8(c[4]), Int8(c[5]), Int8(c[6]));
}

std::int32_t Multiply(const Case& c) {
  return sluice_multiply_elements(Int8(c[0]), Int8(c[1]), Int8(c[2]), Int8(c[3]),
                                  static_cast<std::uint32_t>(c[4]), Uint8(c[5]), Int8(c[6]),
                                  Int8(c[7]), Int8(c[8]));
}

std::int32_t Pool(const Case& c) {
  std::int8_t most = Int8(c[0]);
  for (std::size_t tap = 1; tap + 1 < c.size(); ++tap)
    most = sluice_pool_maximum(most, Int8(c[tap]));
  return most;
}

using Datapath = std::int32_t (*)(const Case&);

void CheckCases(const std::vector<Case>& cases, std::size_t integers, Datapath datapath) {
  SLUICE_CHECK(cases.size() >= 48);
  for (const Case& each : cases) {
    SLUICE_CHECK(each.size() == integers);
    if (each.size() == integers) SLUICE_CHECK(datapath(each) == each.back());
  }
}

// A table, then what looking every int8 up in it gives.
void CheckTables(const std::vector<Case>& cases) {
  SLUICE_CHECK(!cases.empty());
  for (const Case& each : cases) {
    SLUICE_CHECK(each.size() == 512);
    if (each.size() != 512) continue;
    for (std::int32_t value = -128; value <= 127; ++value) {
      const std::size_t result = static_cast<std::size_t>(256 + value + 128);
      SLUICE_CHECK(each[sluice_table_index(Int8(value))] == each[result]);
    }
  }
}

}  // namespace

int main() {
  auto cases = sluice::testing::ReadCases(SLUICE_GOLDEN_CASES);
  SLUICE_CHECK(cases.size() == 5);
  CheckCases(cases["requantise"], 8, Requantise);
  CheckCases(cases["add"], 8, Add);
  CheckCases(cases["multiply"], 10, Multiply);
  CheckCases(cases["pool"], 10, Pool);
  CheckTables(cases["table"]);
  return sluice::testing::Finish();
}
