// LOAD into each memory and STORE back, against the naive byte copy, on random shapes.
#include <cstring>
#include <memory>
#include <vector>

#include "hls/config/generated/configurations.hpp"
#include "hls/testing.hpp"
#include "hls/transfer/reference.hpp"
#include "hls/transfer/transfer.hpp"

namespace {

using sluice::Beat;
using sluice::kBeatBytes;
using sluice::Scratchpads;
using sluice::reference::CopyShape;
using sluice::testing::Random;
namespace isa = sluice::isa;

constexpr std::size_t kRegionBeats = 4096;

std::vector<Beat> RandomBeats(std::size_t count, Random& random) {
  std::vector<Beat> beats(count);
  for (Beat& beat : beats) {
    for (std::uint8_t& byte : beat.byte) byte = static_cast<std::uint8_t>(random.Next() >> 40);
  }
  return beats;
}

std::vector<std::uint8_t> BytesOf(const void* data, std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  std::memcpy(bytes.data(), data, count);
  return bytes;
}

isa::Transfer RandomTransfer(isa::Memory memory, std::uint32_t beats_per_word, Random& random) {
  isa::Transfer transfer{};
  transfer.memory = static_cast<std::uint32_t>(memory);
  transfer.rows = static_cast<std::uint32_t>(random.Between(1, 5));
  const std::uint32_t words = static_cast<std::uint32_t>(random.Between(1, 6));
  transfer.row_beats = words * beats_per_word;
  transfer.dram_pitch_beats = transfer.row_beats + static_cast<std::uint32_t>(random.Between(0, 9));
  transfer.sram_pitch = words + static_cast<std::uint32_t>(random.Between(0, 3));
  transfer.dram_offset_beats = static_cast<std::uint32_t>(random.Between(0, 1000));
  transfer.sram_address = static_cast<std::uint32_t>(random.Between(0, 40));
  return transfer;
}

CopyShape ShapeOf(const isa::Transfer& transfer, std::size_t word_bytes) {
  return CopyShape{transfer.dram_offset_beats * std::size_t{kBeatBytes},
                   transfer.dram_pitch_beats * std::size_t{kBeatBytes},
                   transfer.sram_address * word_bytes,
                   transfer.sram_pitch * word_bytes,
                   transfer.rows,
                   transfer.row_beats * std::size_t{kBeatBytes}};
}

// Each region must be read when it is named, and no other.
template <class Configuration>
void RunLoad(isa::Transfer transfer, const std::vector<Beat>& source, isa::Region region,
             Scratchpads<Configuration>& memories) {
  static const std::vector<Beat> other(kRegionBeats, Beat{});
  transfer.region = static_cast<std::uint32_t>(region);
  const Beat* weights = region == isa::Region::kWeights ? source.data() : other.data();
  const Beat* input = region == isa::Region::kInput ? source.data() : other.data();
  const Beat* arena = region == isa::Region::kArena ? source.data() : other.data();
  sluice::Load<Configuration>(transfer, weights, input, arena, memories);
}

template <class Configuration, class Word, std::size_t kWords>
void CheckLoad(Word (&memory)[kWords], isa::Memory name, isa::Region region,
               Scratchpads<Configuration>& memories, Random& random) {
  const std::vector<Beat> source = RandomBeats(kRegionBeats, random);
  const isa::Transfer transfer = RandomTransfer(name, sizeof(Word) / kBeatBytes, random);
  std::vector<std::uint8_t> expected = BytesOf(memory, sizeof(memory));
  sluice::reference::Copy(ShapeOf(transfer, sizeof(Word)),
                          BytesOf(source.data(), source.size() * kBeatBytes), &expected);
  RunLoad<Configuration>(transfer, source, region, memories);
  SLUICE_CHECK(std::memcmp(memory, expected.data(), expected.size()) == 0);
}

template <class Configuration>
void CheckParameters(Scratchpads<Configuration>& memories) {
  std::vector<Beat> source(kRegionBeats, Beat{});
  const Beat record{{0xfe, 0xff, 0xff, 0xff, 0xef, 0xcd, 0xab, 0, 33, 0, 0, 0, 0, 0, 0, 0}};
  source[10] = record;
  isa::Transfer transfer{};
  transfer.memory = static_cast<std::uint32_t>(isa::Memory::kParameter);
  transfer.rows = 1;
  transfer.row_beats = 2;
  transfer.dram_offset_beats = 9;
  transfer.sram_address = 4;
  RunLoad<Configuration>(transfer, source, isa::Region::kWeights, memories);
  SLUICE_CHECK(memories.parameter[5].bias == -2);
  SLUICE_CHECK(memories.parameter[5].multiplier == 0xabcdef);
  SLUICE_CHECK(memories.parameter[5].shift == 33);
  SLUICE_CHECK(memories.parameter[4].multiplier == 0);
}

template <class Configuration>
void CheckStore(isa::Region region, Scratchpads<Configuration>& memories, Random& random) {
  std::vector<Beat> output = RandomBeats(kRegionBeats, random);
  std::vector<Beat> arena = output;
  const std::vector<std::uint8_t> before = BytesOf(output.data(), output.size() * kBeatBytes);
  isa::Transfer transfer = RandomTransfer(isa::Memory::kActivation, 1, random);
  transfer.region = static_cast<std::uint32_t>(region);
  const CopyShape load = ShapeOf(transfer, kBeatBytes);
  std::vector<std::uint8_t> expected = before;
  sluice::reference::Copy(CopyShape{load.target_offset, load.target_pitch, load.source_offset,
                                    load.source_pitch, load.rows, load.row_bytes},
                          BytesOf(memories.activation, sizeof(memories.activation)), &expected);
  sluice::Store<Configuration>(transfer, memories, output.data(), arena.data());
  const bool to_output = region == isa::Region::kOutput;
  const std::vector<Beat>& written = to_output ? output : arena;
  const std::vector<Beat>& untouched = to_output ? arena : output;
  SLUICE_CHECK(std::memcmp(written.data(), expected.data(), expected.size()) == 0);
  SLUICE_CHECK(std::memcmp(untouched.data(), before.data(), before.size()) == 0);
}

template <class Configuration>
void CheckConfiguration() {
  Random random(11);
  const std::unique_ptr<Scratchpads<Configuration>> memories(new Scratchpads<Configuration>());
  for (int round = 0; round < 25; ++round) {
    for (const isa::Region region :
         {isa::Region::kWeights, isa::Region::kInput, isa::Region::kArena}) {
      CheckLoad<Configuration>(memories->activation, isa::Memory::kActivation, region, *memories,
                               random);
      CheckLoad<Configuration>(memories->weight, isa::Memory::kWeight, region, *memories, random);
    }
    CheckStore<Configuration>(isa::Region::kOutput, *memories, random);
    CheckStore<Configuration>(isa::Region::kArena, *memories, random);
  }
  CheckParameters<Configuration>(*memories);
}

}  // namespace

int main() {
#define SLUICE_CHECK_CONFIGURATION(Configuration) CheckConfiguration<Configuration>();
  SLUICE_FOR_EACH_CONFIGURATION(SLUICE_CHECK_CONFIGURATION)
  return sluice::testing::Finish();
}
