// Random matrix products for the test benches.
#ifndef SLUICE_HLS_GEMM_RANDOM_OPERANDS_HPP_
#define SLUICE_HLS_GEMM_RANDOM_OPERANDS_HPP_

#include <cstdint>
#include <vector>

#include "hls/gemm/reference.hpp"
#include "hls/memories.hpp"
#include "hls/testing.hpp"

namespace sluice {
namespace testing {

// Operands of whole blocks, with the scales as the records that the hardware takes.
struct RandomGemm {
  reference::GemmOperands operands;
  std::vector<ChannelRecord> records;
};

inline std::vector<std::int8_t> RandomBytes(std::size_t count, Random& random) {
  std::vector<std::int8_t> bytes(count);
  for (std::int8_t& byte : bytes) byte = static_cast<std::int8_t>(random.Between(-128, 127));
  return bytes;
}

inline RandomGemm MakeRandomGemm(std::uint32_t rows, std::uint32_t inputs, std::uint32_t outputs,
                                 Random& random) {
  RandomGemm made;
  made.operands = reference::GemmOperands{rows,
                                          inputs,
                                          outputs,
                                          RandomBytes(std::size_t{rows} * inputs, random),
                                          RandomBytes(std::size_t{outputs} * inputs, random),
                                          {},
                                          {},
                                          static_cast<std::int32_t>(random.Between(-128, 127)),
                                          static_cast<std::int32_t>(random.Between(-128, 0)),
                                          static_cast<std::int32_t>(random.Between(1, 127))};
  for (std::uint32_t output = 0; output < outputs; ++output) {
    const ChannelRecord record{static_cast<std::int32_t>(random.Between(-100000, 100000)),
                               static_cast<std::uint32_t>(random.Between(1 << 23, (1 << 24) - 1)),
                               static_cast<std::uint32_t>(random.Between(32, 38))};
    made.records.push_back(record);
    made.operands.bias.push_back(record.bias);
    made.operands.scale.push_back(reference::ScaleOf(record.multiplier, record.shift));
  }
  return made;
}

}  // namespace testing
}  // namespace sluice

#endif  // SLUICE_HLS_GEMM_RANDOM_OPERANDS_HPP_
