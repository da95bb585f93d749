// Puts tokens on the instructions of a test program: keeps who wrote and who read each cell last,
// and adds the fewest pairs that order every two units that meet in one.
#ifndef SLUICE_HLS_NPU_RANDOM_EMITTER_HPP_
#define SLUICE_HLS_NPU_RANDOM_EMITTER_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hls/isa/generated/assemble.hpp"

namespace sluice {
namespace testing {

// What instructions share: lines, tiles, channel blocks, slots and beats of the arena.
enum class Space : std::size_t { kActivation, kWeight, kParameter, kTable, kArena, kCount };

// `count` neighbouring cells that an instruction reads or writes.
struct Access {
  Space space;
  std::uint64_t first;
  std::uint64_t count;
  bool writes;
};

// Instructions in program order. Every token that one gives is taken by a later one, so all queues
// are empty at the end.
class ProgramEmitter {
 public:
  // More might overfill a token queue.
  static constexpr std::size_t kInstructionsMax = isa::kTokenQueueDepth;

  std::size_t size() const { return instructions_.size(); }
  const std::vector<isa::InstructionWords>& instructions() const { return instructions_; }

  // Appends an instruction behind all that it must wait for.
  void Emit(const isa::InstructionWords& words, const std::vector<Access>& accesses) {
    const std::size_t unit = UnitIndex(words);
    Needs needs = NeedsOf(accesses);
    if (unit != kExecute) Bridge(kStore - unit, unit, needs);
    Append(words, unit, needs);
    Note(accesses, unit);
  }

  // Appends FINISH; `waits` makes it take a token from the last EXECUTE instruction.
  void EmitFinish(bool waits) {
    Needs needs = {{-1, -1, -1}};
    if (waits) needs[kExecute] = last_of_[kExecute];
    Append(isa::AssembleFinish(), kStore, needs);
  }

 private:
  static constexpr std::size_t kLoad = 0;
  static constexpr std::size_t kExecute = 1;
  static constexpr std::size_t kStore = 2;
  static constexpr std::size_t kUnits = 3;
  // For each unit the last instruction that matters, -1 for none.
  using Needs = std::array<std::int64_t, kUnits>;

  struct Cell {
    Needs writers = {{-1, -1, -1}};
    Needs readers = {{-1, -1, -1}};
  };

  static void Raise(Needs& needs, const Needs& others) {
    for (std::size_t unit = 0; unit < kUnits; ++unit) {
      needs[unit] = std::max(needs[unit], others[unit]);
    }
  }

  static std::size_t UnitIndex(const isa::InstructionWords& words) {
    isa::Unit unit = isa::Unit::kLoad;
    const bool known = isa::UnitOf(isa::DecodeHeader(words).operation, unit);
    assert(known);
    static_cast<void>(known);
    return static_cast<std::size_t>(unit);
  }

  Cell& CellAt(Space space, std::uint64_t index) {
    std::vector<Cell>& cells = cells_[static_cast<std::size_t>(space)];
    if (cells.size() <= index) cells.resize(static_cast<std::size_t>(index) + 1);
    return cells[static_cast<std::size_t>(index)];
  }

  Needs NeedsOf(const std::vector<Access>& accesses) {
    Needs needs = {{-1, -1, -1}};
    for (const Access& access : accesses) {
      for (std::uint64_t index = 0; index < access.count; ++index) {
        const Cell& cell = CellAt(access.space, access.first + index);
        Raise(needs, cell.writers);
        if (access.writes) Raise(needs, cell.readers);
      }
    }
    return needs;
  }

  void Note(const std::vector<Access>& accesses, std::size_t unit) {
    const std::int64_t index = static_cast<std::int64_t>(instructions_.size()) - 1;
    for (const Access& access : accesses) {
      for (std::uint64_t offset = 0; offset < access.count; ++offset) {
        Cell& cell = CellAt(access.space, access.first + offset);
        (access.writes ? cell.writers : cell.readers)[unit] = index;
        if (access.writes && access.space == Space::kActivation) bridge_line_ = access.first;
      }
    }
  }

  // LOAD and STORE share no queue: where one waits for the other, an EXECUTE instruction that
  // copies a word onto itself takes the token of the one and gives one to the other.
  void Bridge(std::size_t from, std::size_t to, Needs& needs) {
    Needs known = known_[to];
    if (needs[kExecute] >= 0) Raise(known, after_[static_cast<std::size_t>(needs[kExecute])]);
    if (needs[from] <= known[from]) return;
    isa::Pool copy{};
    copy.input_address = copy.output_address = static_cast<std::uint32_t>(bridge_line_);
    copy.output_rows = copy.output_columns = copy.blocks = 1;
    copy.input_rows = copy.input_columns = 1;
    copy.kernel_rows = copy.kernel_columns = copy.stride_rows = copy.stride_columns = 1;
    copy.dilation_rows = copy.dilation_columns = 1;
    copy.input_row_pitch = copy.input_block_pitch = 1;
    copy.output_row_pitch = copy.output_block_pitch = 1;
    copy.minimum = -128;
    copy.maximum = 127;
    copy.upsample_rows = copy.upsample_columns = 1;
    const std::vector<Access> accesses = {{Space::kActivation, bridge_line_, 1, false},
                                          {Space::kActivation, bridge_line_, 1, true}};
    Needs bridge_needs = NeedsOf(accesses);
    bridge_needs[from] = std::max(bridge_needs[from], needs[from]);
    Append(isa::AssemblePool(copy), kExecute, bridge_needs);
    Note(accesses, kExecute);
    needs[kExecute] = static_cast<std::int64_t>(instructions_.size()) - 1;
  }

  void Append(isa::InstructionWords words, std::size_t unit, const Needs& needs) {
    assert(instructions_.size() < kInstructionsMax);
    const std::int64_t index = static_cast<std::int64_t>(instructions_.size());
    for (std::size_t other = 0; other < kUnits; ++other) {
      const bool neighbours = other + 1 == unit || unit + 1 == other;
      if (!neighbours || needs[other] <= known_[unit][other]) continue;
      const std::size_t giver = static_cast<std::size_t>(needs[other]);
      isa::Place(instructions_[giver],
                 other < unit ? isa::header::kPushNext : isa::header::kPushPrevious, 1);
      isa::Place(words, other < unit ? isa::header::kPopPrevious : isa::header::kPopNext, 1);
      Raise(known_[unit], after_[giver]);
    }
    known_[unit][unit] = index;
    last_of_[unit] = index;
    after_.push_back(known_[unit]);
    instructions_.push_back(words);
  }

  std::vector<isa::InstructionWords> instructions_;
  // What is certainly done when each instruction is.
  std::vector<Needs> after_;
  // What is certainly done when each unit starts its next instruction.
  std::array<Needs, kUnits> known_ = {{{{-1, -1, -1}}, {{-1, -1, -1}}, {{-1, -1, -1}}}};
  Needs last_of_ = {{-1, -1, -1}};
  std::array<std::vector<Cell>, static_cast<std::size_t>(Space::kCount)> cells_;
  // A line whose first word has been written.
  std::uint64_t bridge_line_ = 0;
};

}  // namespace testing
}  // namespace sluice

#endif  // SLUICE_HLS_NPU_RANDOM_EMITTER_HPP_
