#include "native/core/transfer_rules.hpp"

namespace sluice {
namespace {

using isa::Memory;
using isa::Region;

// The beats of a transfer of activations within its region.
WordPattern BeatsOf(const isa::Transfer& fields) {
  return WordPattern{fields.dram_offset,
                     fields.columns,
                     {fields.rows, fields.dram_row_pitch},
                     {fields.blocks, fields.dram_block_pitch}};
}

// Where they lie in activation memory.
Tensor TensorOf(const isa::Transfer& fields) {
  return Tensor{fields.address,
                fields.columns,
                {fields.rows, fields.row_pitch},
                {fields.blocks, fields.block_pitch}};
}

bool SizesPositive(const isa::Transfer& fields) {
  return fields.columns > 0 && fields.rows > 0 && fields.blocks > 0;
}

// Beats of one tile, channel block or table.
std::uint64_t BeatsOfItem(Memory memory, const Hardware& hardware) {
  if (memory == Memory::kWeight) return hardware.output_parallel;
  if (memory == Memory::kParameter) {
    return std::uint64_t{hardware.output_parallel} * isa::kParameterRecordBytes /
           hardware.input_parallel;
  }
  return isa::kTableBytes / hardware.input_parallel;
}

std::uint64_t ItemsOf(Memory memory, const Hardware& hardware) {
  if (memory == Memory::kWeight) return hardware.weight_tiles;
  return memory == Memory::kParameter ? hardware.parameter_blocks : hardware.table_slots;
}

WrittenMap* MapOf(Memory memory, MemoryState* state) {
  if (memory == Memory::kWeight) return &state->weight;
  return memory == Memory::kParameter ? &state->parameter : &state->table;
}

}  // namespace

TransferRules::TransferRules(const Program& program, const Hardware& hardware)
    : program_(program),
      hardware_(hardware),
      tiles_(program.weights, hardware.input_parallel, WeightsValid),
      records_(program.weights, hardware.input_parallel, RecordsValid) {}

Reason TransferRules::CheckLoad(const isa::Transfer& fields, MemoryState* state) {
  if (fields.memory > static_cast<std::uint32_t>(Memory::kTable)) return "no such memory";
  if (fields.region > static_cast<std::uint32_t>(Region::kArena)) return "no such region";
  if (!SizesPositive(fields)) return "a size is 0";
  if (static_cast<Region>(fields.region) == Region::kOutput) return "LOAD from the output";
  if (static_cast<Memory>(fields.memory) == Memory::kActivation) {
    return LoadActivations(fields, state);
  }
  return LoadItems(fields, state);
}

Reason TransferRules::LoadActivations(const isa::Transfer& fields, MemoryState* state) const {
  const Region region = static_cast<Region>(fields.region);
  const WordPattern source = BeatsOf(fields);
  const Tensor target = TensorOf(fields);
  if (source.end() > RegionBeats(region)) return "LOAD from outside its region";
  if (target.Lines(hardware_).end() > hardware_.activation_lines) return "LOAD beyond its memory";
  if (target.Lines(hardware_).Overlaps()) return "LOAD of rows or blocks that overlap";
  if (region == Region::kArena) {
    const Reason reason =
        state->Read(state->arena, source, "LOAD of a part of the arena that nothing was stored to");
    if (reason != kAccepted) return reason;
  }
  return state->Write(&state->activation, target.Words(hardware_));
}

Reason TransferRules::LoadItems(const isa::Transfer& fields, MemoryState* state) {
  const Memory memory = static_cast<Memory>(fields.memory);
  const Region region = static_cast<Region>(fields.region);
  if (region != Region::kWeights) {
    return "LOAD of weights, parameters or tables from outside the weight section";
  }
  if (fields.columns != 1 || fields.blocks != 1 || fields.dram_row_pitch != 0 ||
      fields.dram_block_pitch != 0 || fields.row_pitch != 0 || fields.block_pitch != 0) {
    return "LOAD of weights, parameters or tables with columns, blocks or pitches";
  }
  const std::uint64_t beats = fields.rows * BeatsOfItem(memory, hardware_);
  const WordPattern target{fields.address, fields.rows, {}, {}};
  if (fields.dram_offset + beats > RegionBeats(region)) return "LOAD from outside its region";
  if (target.end() > ItemsOf(memory, hardware_)) return "LOAD beyond its memory";
  const Reason reason = CheckContents(memory, fields.dram_offset, beats);
  return reason != kAccepted ? reason : state->Write(MapOf(memory, state), target);
}

Reason TransferRules::CheckContents(Memory memory, std::uint64_t first_beat, std::uint64_t beats) {
  if (memory == Memory::kWeight && !tiles_.Holds(first_beat, beats)) {
    return "LOAD of a weight of -128";
  }
  if (memory == Memory::kParameter && !records_.Holds(first_beat, beats)) {
    return "LOAD of a channel record whose shift or upper bits are out of range";
  }
  return kAccepted;
}

Reason TransferRules::CheckStore(const isa::Transfer& fields, MemoryState* state) const {
  const Region region = static_cast<Region>(fields.region);
  if (fields.memory != static_cast<std::uint32_t>(Memory::kActivation)) {
    return "STORE from another memory than ACTIVATION";
  }
  if (region != Region::kOutput && region != Region::kArena) {
    return "STORE to another region than OUTPUT and ARENA";
  }
  if (!SizesPositive(fields)) return "a size is 0";
  const Tensor source = TensorOf(fields);
  const WordPattern target = BeatsOf(fields);
  if (target.end() > RegionBeats(region)) return "STORE to outside its region";
  if (source.Lines(hardware_).end() > hardware_.activation_lines) {
    return "STORE from beyond its memory";
  }
  if (target.Overlaps()) return "STORE of rows or blocks that overlap";
  const Reason reason = state->Read(state->activation, source.Words(hardware_),
                                    "STORE of an activation word that was never written");
  if (reason != kAccepted) return reason;
  return state->Write(region == Region::kOutput ? &state->output : &state->arena, target);
}

std::uint64_t TransferRules::RegionBeats(Region region) const {
  const std::size_t beat_bytes = hardware_.input_parallel;
  if (region == Region::kWeights) return program_.weights.size() / beat_bytes;
  if (region == Region::kInput) return program_.input_bytes / beat_bytes;
  return (region == Region::kOutput ? program_.output_bytes : program_.arena_bytes) / beat_bytes;
}

}  // namespace sluice
