// The function that becomes the kernel of one hardware configuration.
#ifndef SLUICE_HLS_NPU_TOP_HPP_
#define SLUICE_HLS_NPU_TOP_HPP_

#include <cstdint>

#include "hls/isa/extract.hpp"
#include "hls/npu/status.hpp"
#include "hls/top_configuration.hpp"

extern "C" {

// Runs one program on one item. Sizes count beats of W bytes; `status` is one record, written last.
void sluice_npu(const sluice::isa::InstructionWords* instructions, std::uint32_t instruction_count,
                const sluice::TopBeat* weights, std::uint64_t weights_beats,
                const sluice::TopBeat* input, std::uint64_t input_beats, sluice::TopBeat* output,
                std::uint64_t output_beats, sluice::TopBeat* arena, std::uint64_t arena_beats,
                sluice::NpuStatus* status);

}  // extern "C"

#endif  // SLUICE_HLS_NPU_TOP_HPP_
