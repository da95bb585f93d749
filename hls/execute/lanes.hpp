// The crossbar between the P lanes of the array and the P banks of activation memory.
#ifndef SLUICE_HLS_EXECUTE_LANES_HPP_
#define SLUICE_HLS_EXECUTE_LANES_HPP_

#include <cstdint>

#include "hls/memories.hpp"
#include "hls/portability.hpp"

namespace sluice {

// Where each lane's word lies in this clock. Active lanes that read the same bank read the same
// line of it.
template <class Configuration>
struct LaneReads {
  // Takes part in this clock.
  bool active[Configuration::kPixelParallel];
  // Reads memory instead of the padding.
  bool inside[Configuration::kPixelParallel];
  std::uint32_t bank[Configuration::kPixelParallel];
  std::uint32_t line[Configuration::kPixelParallel];
};

// One word for each lane, or for each bank.
template <class Configuration>
struct LineOfWords {
  ActivationWord<Configuration> word[Configuration::kPixelParallel];
};

// Every lane reads its own column of one line, or, to broadcast, column 0.
template <class Configuration>
inline LaneReads<Configuration> ReadsOfLine(std::uint32_t line, bool broadcast) {
  HLS_INLINE
  LaneReads<Configuration> reads;
  HLS_LABEL(line_lanes)
  for (std::uint32_t lane = 0; lane < Configuration::kPixelParallel; ++lane) {
    HLS_UNROLL
    reads.active[lane] = true;
    reads.inside[lane] = true;
    reads.bank[lane] = broadcast ? 0 : lane;
    reads.line[lane] = line;
  }
  return reads;
}

// The line that a bank is asked for; line 0 where nobody asks.
template <class Configuration>
inline std::uint32_t LineOfBank(const LaneReads<Configuration>& reads, std::uint32_t bank) {
  HLS_INLINE
  std::uint32_t line = 0;
  HLS_LABEL(bank_lanes)
  for (std::uint32_t lane = 0; lane < Configuration::kPixelParallel; ++lane) {
    HLS_UNROLL
    const bool asked = reads.active[lane] && reads.inside[lane] && reads.bank[lane] == bank;
    const std::uint32_t wanted = reads.line[lane];
    line = asked ? wanted : line;
  }
  return line;
}

// One read of each bank: the first port of the activation memory.
template <class Configuration>
inline LineOfWords<Configuration> ReadBanks(const Scratchpads<Configuration>& memories,
                                            const LaneReads<Configuration>& reads) {
  HLS_INLINE
  LineOfWords<Configuration> banks;
  HLS_LABEL(read_banks)
  for (std::uint32_t bank = 0; bank < Configuration::kPixelParallel; ++bank) {
    HLS_UNROLL
    CopyLanes(memories.activation[bank][LineOfBank<Configuration>(reads, bank)], banks.word[bank]);
  }
  return banks;
}

// The word of a bank: a multiplexer, not an address.
template <class Configuration>
inline ActivationWord<Configuration> WordOfBank(const LineOfWords<Configuration>& banks,
                                                std::uint32_t wanted) {
  HLS_INLINE
  ActivationWord<Configuration> word;
  CopyLanes(banks.word[0], word);
  HLS_LABEL(select_bank)
  for (std::uint32_t bank = 1; bank < Configuration::kPixelParallel; ++bank) {
    HLS_UNROLL
    HLS_LABEL(select_words)
    for (std::uint32_t part = 0; part < ActivationWord<Configuration>::kWords; ++part) {
      HLS_UNROLL
      const std::uint64_t candidate = banks.word[bank].word[part];
      const std::uint64_t held = word.word[part];
      word.word[part] = wanted == bank ? candidate : held;
    }
  }
  return word;
}

// Brings each lane the word of its bank, or the padding.
template <class Configuration>
inline LineOfWords<Configuration> DealToLanes(const LineOfWords<Configuration>& banks,
                                              const LaneReads<Configuration>& reads,
                                              std::int32_t pad_value) {
  HLS_INLINE
  const ActivationWord<Configuration> padding =
      FilledLanes<Configuration::kInputParallel>(static_cast<std::int8_t>(pad_value));
  LineOfWords<Configuration> lanes;
  HLS_LABEL(deal_lanes)
  for (std::uint32_t lane = 0; lane < Configuration::kPixelParallel; ++lane) {
    HLS_UNROLL
    const ActivationWord<Configuration> word = WordOfBank<Configuration>(banks, reads.bank[lane]);
    HLS_LABEL(deal_words)
    for (std::uint32_t part = 0; part < ActivationWord<Configuration>::kWords; ++part) {
      HLS_UNROLL
      const std::uint64_t read = word.word[part];
      const std::uint64_t filling = padding.word[part];
      lanes.word[lane].word[part] = reads.inside[lane] ? read : filling;
    }
  }
  return lanes;
}

}  // namespace sluice

#endif  // SLUICE_HLS_EXECUTE_LANES_HPP_
