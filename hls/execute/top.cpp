#include "hls/execute/top.hpp"

extern "C" void sluice_execute(const sluice::isa::InstructionWords* instruction,
                               sluice::TopScratchpads* memories, sluice::ExecuteCounts* counts) {
  sluice::NoService alone;
  *counts = sluice::Execute<sluice::TopConfiguration>(*instruction, *memories, alone);
}
