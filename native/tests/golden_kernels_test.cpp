// ONNX Runtime's golden values (test/golden/npu-arithmetic) against the simulator's inner loops,
// for every set of instructions that this processor has.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "hls/testing.hpp"
#include "native/devices/simulator/kernels/kernels.hpp"
#include "native/tests/golden_cases.hpp"

namespace {

using sluice::simulator::AddSpan;
using sluice::simulator::DenseTile;
using sluice::simulator::Kernels;
using sluice::simulator::MultiplySpan;
using sluice::simulator::PoolTile;
using sluice::simulator::Requantisation;
using sluice::testing::Case;

constexpr std::int32_t kBias = sluice::simulator::kActivationBias;
constexpr std::size_t kWordMax = 16;
// Bytes of a span: more than one vector register, and not a multiple of one.
constexpr std::size_t kSpan = 71 * 8;

std::uint8_t Biased(std::int32_t value) { return static_cast<std::uint8_t>(value + kBias); }

float ScaleOf(std::int32_t multiplier, std::int32_t shift) {
  return std::ldexp(static_cast<float>(multiplier), -shift);
}

Requantisation RequantisationOf(std::int32_t zero_point, std::int32_t minimum,
                                std::int32_t maximum) {
  return {static_cast<float>(minimum - zero_point), static_cast<float>(maximum - zero_point),
          zero_point + kBias};
}

void CheckEvery(const std::vector<std::uint8_t>& bytes, std::size_t count, std::int32_t expected) {
  bool equal = true;
  for (std::size_t at = 0; at < count; ++at) equal = equal && bytes[at] == Biased(expected);
  SLUICE_CHECK(equal);
}

// One word with weights of 0, so that a lane's result is that of its bias alone.
void CheckRequantise(const Kernels& kernels, std::size_t width, const Case& c) {
  const std::array<std::int16_t, kWordMax> activations{};
  const std::array<std::int8_t, kWordMax * kWordMax> weights{};
  const std::uint32_t biased = static_cast<std::uint32_t>(c[0]) + static_cast<std::uint32_t>(c[1]);
  const std::vector<std::int32_t> bias(kWordMax, static_cast<std::int32_t>(biased));
  const std::vector<float> scale(kWordMax, ScaleOf(c[2], c[3]));
  const void* const entry = activations.data();
  std::vector<std::uint8_t> output(kWordMax);
  DenseTile tile{};
  tile.activations = &entry;
  tile.entries = 1;
  tile.weights = weights.data();
  tile.bias = bias.data();
  tile.scale = scale.data();
  tile.requantisation = RequantisationOf(c[4], c[5], c[6]);
  tile.output = output.data();
  tile.columns = 1;
  tile.blocks = 1;
  kernels.dense(tile);
  CheckEvery(output, width, c[7]);
}

void CheckAdd(const Kernels& kernels, std::size_t, const Case& c) {
  const std::vector<std::int32_t> first_terms(256, c[0]);
  const std::vector<std::int32_t> second_terms(256, c[1]);
  const std::vector<std::uint8_t> operand(kSpan, 77);
  std::vector<std::uint8_t> output(kSpan);
  AddSpan span{};
  span.first = operand.data();
  span.second = operand.data();
  span.first_terms = first_terms.data();
  span.second_terms = second_terms.data();
  span.narrow = std::abs(std::int64_t{c[0]}) + std::abs(std::int64_t{c[1]}) <= INT32_MAX;
  span.shift = static_cast<std::uint32_t>(c[2]);
  span.window = static_cast<std::uint32_t>(c[3]);
  span.biased_zero_point = c[4] + kBias;
  span.low = c[5] + kBias;
  span.high = c[6] + kBias;
  span.output = output.data();
  span.bytes = kSpan;
  kernels.add(span);
  CheckEvery(output, kSpan, c[7]);
}

void CheckMultiply(const Kernels& kernels, std::size_t, const Case& c) {
  const std::vector<std::uint8_t> first(kSpan, Biased(c[0]));
  const std::vector<std::uint8_t> second(kSpan, Biased(c[2]));
  std::vector<std::uint8_t> output(kSpan);
  MultiplySpan span{};
  span.first = first.data();
  span.second = second.data();
  span.first_zero_point = c[1] + kBias;
  span.second_zero_point = c[3] + kBias;
  span.scale = ScaleOf(c[4], c[5]);
  span.requantisation = RequantisationOf(c[6], c[7], c[8]);
  span.output = output.data();
  span.bytes = kSpan;
  kernels.multiply(span);
  CheckEvery(output, kSpan, c[9]);
}

// Every lane of a word is the same value; a row holds the three words of a kernel's row.
void CheckPool(const Kernels& kernels, std::size_t width, const Case& c) {
  std::vector<std::uint8_t> taps;
  for (std::size_t tap = 0; tap < 9; ++tap) taps.insert(taps.end(), width, Biased(c[tap]));
  const std::array<const std::uint8_t*, 3> rows{taps.data(), taps.data() + 3 * width,
                                                taps.data() + 6 * width};
  std::vector<std::uint8_t> output(kWordMax);
  PoolTile tile{};
  tile.rows = rows.data();
  tile.kernel_rows = 3;
  tile.kernel_columns = 3;
  tile.step_bytes = width;
  tile.low = 0;
  tile.high = 255;
  tile.output = output.data();
  tile.columns = 1;
  kernels.pool(tile);
  CheckEvery(output, width, c[9]);
}

void CheckTable(const Kernels& kernels, std::size_t, const Case& c) {
  std::vector<std::uint8_t> table;
  std::vector<std::uint8_t> bytes;
  for (std::size_t entry = 0; entry < 256; ++entry) {
    table.push_back(Biased(c[entry]));
    bytes.push_back(static_cast<std::uint8_t>(entry));
  }
  kernels.look_up(table.data(), bytes.data(), bytes.size());
  for (std::size_t entry = 0; entry < 256; ++entry) {
    SLUICE_CHECK(bytes[entry] == Biased(c[256 + entry]));
  }
}

using Check = void (*)(const Kernels&, std::size_t, const Case&);

struct Group {
  const char* word;
  std::size_t integers;
  Check check;
};

constexpr Group kGroups[] = {{"requantise", 8, CheckRequantise},
                             {"add", 8, CheckAdd},
                             {"multiply", 10, CheckMultiply},
                             {"pool", 10, CheckPool},
                             {"table", 512, CheckTable}};

void CheckKernels(std::map<std::string, std::vector<Case>>& cases, const Kernels& kernels,
                  std::size_t width) {
  for (const Group& group : kGroups) {
    SLUICE_CHECK(!cases[group.word].empty());
    for (const Case& each : cases[group.word]) {
      SLUICE_CHECK(each.size() == group.integers);
      if (each.size() == group.integers) group.check(kernels, width, each);
    }
  }
}

}  // namespace

int main() {
  auto cases = sluice::testing::ReadCases(SLUICE_GOLDEN_CASES);
  for (const sluice::simulator::KernelSet* set : sluice::simulator::UsableKernels()) {
    std::printf("%s ", set->name);
    CheckKernels(cases, set->words_of_8, 8);
    CheckKernels(cases, set->words_of_16, 16);
  }
  return sluice::testing::Finish();
}
