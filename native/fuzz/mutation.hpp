// Damage to a program file that its checksums do not tell, so that it reaches the rules.
#ifndef SLUICE_NATIVE_FUZZ_MUTATION_HPP_
#define SLUICE_NATIVE_FUZZ_MUTATION_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hls/testing.hpp"

namespace sluice::fuzz {

// Sets a field of one instruction, or copies or swaps instructions. False when the file
// has none.
bool MutateInstructions(std::vector<std::uint8_t>* file, testing::Random* random);

// Writes sizes that follow from the file's and all checksums anew.
void Mend(std::vector<std::uint8_t>* file);

}  // namespace sluice::fuzz

#endif  // SLUICE_NATIVE_FUZZ_MUTATION_HPP_
