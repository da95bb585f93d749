// What an instruction of the EXECUTE unit must hold to; the list stands in hls/isa/README.md.
#ifndef SLUICE_NATIVE_CORE_EXECUTE_RULES_HPP_
#define SLUICE_NATIVE_CORE_EXECUTE_RULES_HPP_

#include "hls/isa/generated/decode.hpp"
#include "native/core/hardware.hpp"
#include "native/core/memory_state.hpp"

namespace sluice {

// Each gives the reason to refuse the instruction, or marks its outputs in `state` as written.
Reason CheckConvolution(const isa::Convolution& fields, const Hardware& hardware,
                        MemoryState* state);
Reason CheckPool(const isa::Pool& fields, const Hardware& hardware, MemoryState* state);
Reason CheckAddition(const isa::Addition& fields, const Hardware& hardware, MemoryState* state);
Reason CheckMultiplication(const isa::Multiplication& fields, const Hardware& hardware,
                           MemoryState* state);

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_EXECUTE_RULES_HPP_
