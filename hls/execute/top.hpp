// Top of the EXECUTE unit for any HLS compiler.
#ifndef SLUICE_HLS_EXECUTE_TOP_HPP_
#define SLUICE_HLS_EXECUTE_TOP_HPP_

#include "hls/execute/execute.hpp"
#include "hls/isa/extract.hpp"
#include "hls/top_configuration.hpp"

extern "C" {

// Runs one CONVOLVE, POOL, ADD or MULTIPLY, whose addresses the caller has checked, and writes what
// it did.
void sluice_execute(const sluice::isa::InstructionWords* instruction,
                    sluice::TopScratchpads* memories, sluice::ExecuteCounts* counts);

}  // extern "C"

#endif  // SLUICE_HLS_EXECUTE_TOP_HPP_
