// What a program's instructions have written so far, in program order, while its rules are checked.
#ifndef SLUICE_NATIVE_CORE_MEMORY_STATE_HPP_
#define SLUICE_NATIVE_CORE_MEMORY_STATE_HPP_

#include <cstdint>

#include "native/core/hardware.hpp"
#include "native/core/limits.hpp"
#include "native/core/program.hpp"
#include "native/core/word_pattern.hpp"
#include "native/core/written_map.hpp"

namespace sluice {

// Why an instruction is refused; null when it is not.
using Reason = const char*;
constexpr Reason kAccepted = nullptr;

// Lines that `columns` words of a row take.
inline std::uint64_t LinesOf(const Hardware& hardware, std::uint64_t columns) {
  return (columns + hardware.pixel_parallel - 1) / hardware.pixel_parallel;
}

// A tensor in activation memory: `columns` words a row. Addresses and pitches are lines.
struct Tensor {
  std::uint64_t address;
  std::uint64_t columns;
  Repetition rows;
  Repetition blocks;

  // The same in lines, whole ones.
  WordPattern Lines(const Hardware& hardware) const {
    return WordPattern{address, LinesOf(hardware, columns), rows, blocks};
  }

  // The same in words; word w of line l is l * pixel_parallel + w, so a row is a range.
  WordPattern Words(const Hardware& hardware) const {
    const std::uint64_t words = hardware.pixel_parallel;
    return WordPattern{address * words,
                       columns,
                       {rows.count, rows.pitch * words},
                       {blocks.count, blocks.pitch * words}};
  }
};

// One flag a word, tile, block, slot or beat, and the work that following them has taken.
class MemoryState {
 public:
  MemoryState(const Program& program, const Hardware& hardware)
      : activation(std::size_t{hardware.activation_lines} * hardware.pixel_parallel),
        weight(hardware.weight_tiles),
        parameter(hardware.parameter_blocks),
        table(hardware.table_slots),
        output(program.output_bytes / hardware.input_parallel),
        arena(program.arena_bytes / hardware.input_parallel) {}

  WrittenMap activation;
  WrittenMap weight;
  WrittenMap parameter;
  WrittenMap table;
  WrittenMap output;
  WrittenMap arena;

  // Adds the cost of one look at a map; false when the program has taken too much.
  bool Spend(const WordPattern& pattern) {
    steps_ += WrittenMap::Steps(pattern);
    return steps_ <= limits::kCheckStepsMax;
  }

  // Refuses with `unwritten` unless all of the pattern has been written.
  Reason Read(const WrittenMap& map, const WordPattern& pattern, Reason unwritten) {
    if (!Spend(pattern)) return kTooMuchWork;
    return map.Covers(pattern) ? kAccepted : unwritten;
  }

  // Marks the pattern as written.
  Reason Write(WrittenMap* map, const WordPattern& pattern) {
    if (!Spend(pattern)) return kTooMuchWork;
    map->Mark(pattern);
    return kAccepted;
  }

 private:
  static constexpr Reason kTooMuchWork =
      "the program touches too many scattered words to be checked";

  std::uint64_t steps_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_MEMORY_STATE_HPP_
