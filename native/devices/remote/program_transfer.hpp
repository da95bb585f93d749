// A checked program in shared memory: its instructions, then its weights. The one place that knows
// which parts a Program has between two processes.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_PROGRAM_TRANSFER_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_PROGRAM_TRANSFER_HPP_

#include "native/core/program.hpp"
#include "native/devices/remote/message.hpp"
#include "native/devices/remote/shared_memory.hpp"

namespace sluice::remote {

ProgramSizes SizesOf(const Program& program);

// Whether the sizes keep the limits that ParseProgram keeps; kProgramInvalid names the one crossed.
Status CheckSizes(const ProgramSizes& sizes);

// Bytes of the program's shared memory, and of that for one input and one output. Sizes are
// checked.
std::size_t ProgramBytes(const ProgramSizes& sizes);
std::size_t ItemBytes(const ProgramSizes& sizes);

// Copies a program into memory that it makes.
Status WriteProgram(const Program& program, SharedMemory* memory);

// Copies a program out of memory of ProgramBytes(sizes).
Program ReadProgram(const ProgramSizes& sizes, std::span<const std::uint8_t> bytes);

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_PROGRAM_TRANSFER_HPP_
