// What the loader refuses of LOAD, STORE, FINISH and tokens, and of the bytes that are loaded: each
// rule of hls/isa/README.md, broken alone.
#include "native/tests/rules_bench.hpp"

namespace {

namespace isa = sluice::isa;
namespace header = sluice::isa::header;
namespace transfer = sluice::isa::transfer;
using namespace sluice::testing;

void CheckSample() { SLUICE_CHECK(Accepted(MakeSample(CiHardware()))); }

void CheckHeaders() {
  SLUICE_CHECK(RefusedFor(Changed(kLoadWeights, {{header::kOperation, 9}}), "no such operation"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadWeights, {{isa::Field{176, 1, false}, 1}}), "reserved"));
  SLUICE_CHECK(RefusedFor(Changed(kPool, {{isa::Field{255, 1, false}, 1}}), "reserved"));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{isa::Field{254, 1, false}, 1}}), "reserved"));
  SLUICE_CHECK(RefusedFor(Changed(kAdd, {{isa::Field{203, 1, false}, 1}}), "reserved"));
  SLUICE_CHECK(RefusedFor(Changed(kMultiply, {{isa::Field{234, 1, false}, 1}}), "reserved"));
  SLUICE_CHECK(RefusedFor(Changed(kFinishProgram, {{isa::Field{23, 1, false}, 1}}), "reserved"));
  SLUICE_CHECK(Accepted(Changed(kConvolve, {{header::kLayer, 16383}})));
}

void CheckFinish() {
  ProgramParts missing = MakeSample(CiHardware());
  missing.instructions.pop_back();
  SLUICE_CHECK(RefusedFor(missing, "FINISH must be the last"));
  ProgramParts twice = MakeSample(CiHardware());
  twice.instructions.push_back(isa::AssembleFinish());
  SLUICE_CHECK(RefusedFor(twice, "FINISH must be the last"));
}

void CheckTokens() {
  const auto pops = "pops a token";
  const auto pushes = "pushes a token";
  SLUICE_CHECK(RefusedFor(Changed(kLoadInput, {{header::kPushNext, 0}}), pops));
  SLUICE_CHECK(RefusedFor(Changed(kSpill, {{header::kPushPrevious, 0}}), pops));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{header::kPushPrevious, 0}}), pops));
  SLUICE_CHECK(RefusedFor(Changed(kMultiply, {{header::kPushNext, 0}}), pops));
  SLUICE_CHECK(RefusedFor(Changed(kLoadInput, {{header::kPopPrevious, 1}}), pops));
  SLUICE_CHECK(RefusedFor(Changed(kStoreOutput, {{header::kPopNext, 1}}), pops));
  SLUICE_CHECK(RefusedFor(Changed(kLoadWeights, {{header::kPushPrevious, 1}}), pushes));
  SLUICE_CHECK(RefusedFor(Changed(kStoreOutput, {{header::kPushNext, 1}}), pushes));
  const auto left = "not empty at the end";
  SLUICE_CHECK(RefusedFor(Changed(kSpill, {{header::kPopPrevious, 0}}), left));
  SLUICE_CHECK(RefusedFor(Changed(kConvolve, {{header::kPopPrevious, 0}}), left));
  SLUICE_CHECK(RefusedFor(Changed(kCopy, {{header::kPopNext, 0}}), left));
  SLUICE_CHECK(RefusedFor(Changed(kReload, {{header::kPopNext, 0}}), left));
  SLUICE_CHECK(RefusedFor(Changed(kFinishProgram, {{header::kPushPrevious, 1}}), left));
}

// FINISH may take the last token itself.
void CheckFinishTakesToken() {
  ProgramParts parts = Changed(kStoreOutput, {{header::kPopPrevious, 0}});
  isa::Place(parts.instructions[kFinishProgram], header::kPopPrevious, 1);
  SLUICE_CHECK(Accepted(parts));
}

void CheckTokenQueueDepth() {
  const auto with_pushes = [](std::uint32_t count) {
    ProgramParts parts = MakeSample(CiHardware());
    isa::InstructionWords push = parts.instructions[kLoadWeights];
    isa::Place(push, header::kPushNext, 1);
    const isa::InstructionWords pop = parts.instructions[kConvolve];
    parts.instructions.insert(parts.instructions.begin() + kConvolve, count, pop);
    parts.instructions.insert(parts.instructions.begin() + kLoadInput, count, push);
    return parts;
  };
  SLUICE_CHECK(Accepted(with_pushes(isa::kTokenQueueDepth - 1)));
  SLUICE_CHECK(RefusedFor(with_pushes(isa::kTokenQueueDepth), "pushes a token"));
}

void CheckLoadItems() {
  const auto unused = "with columns, blocks or pitches";
  SLUICE_CHECK(RefusedFor(Changed(kLoadWeights, {{transfer::kMemory, 4}}), "no such memory"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadWeights, {{transfer::kRegion, 4}}), "no such region"));
  for (const std::size_t at : {kLoadWeights, kLoadRecords, kLoadTables}) {
    SLUICE_CHECK(RefusedFor(Changed(at, {{transfer::kRegion, 1}}), "outside the weight section"));
    SLUICE_CHECK(RefusedFor(Changed(at, {{transfer::kRows, 0}}), "size is 0"));
    SLUICE_CHECK(RefusedFor(Changed(at, {{transfer::kColumns, 2}}), unused));
    SLUICE_CHECK(RefusedFor(Changed(at, {{transfer::kBlocks, 2}}), unused));
    SLUICE_CHECK(RefusedFor(Changed(at, {{transfer::kRowPitch, 1}}), unused));
    SLUICE_CHECK(RefusedFor(Changed(at, {{transfer::kBlockPitch, 1}}), unused));
    SLUICE_CHECK(RefusedFor(Changed(at, {{transfer::kDramRowPitch, 1}}), unused));
    SLUICE_CHECK(RefusedFor(Changed(at, {{transfer::kDramBlockPitch, 1}}), unused));
    SLUICE_CHECK(RefusedFor(Changed(at, {{transfer::kDramOffset, 0xffffffff}}), "its region"));
  }
  SLUICE_CHECK(
      RefusedFor(Changed(kLoadTables, {{transfer::kDramOffset, CiPlaces().table_beat + 1}}),
                 "outside its region"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadWeights, {{transfer::kAddress, 217}}), "its memory"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadRecords, {{transfer::kAddress, 29}}), "its memory"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadTables, {{transfer::kAddress, 2}}), "its memory"));
}

void CheckLoadActivations() {
  SLUICE_CHECK(RefusedFor(Changed(kReload, {{transfer::kRegion, 2}}), "LOAD from the output"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadInput, {{transfer::kColumns, 0}}), "size is 0"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadInput, {{transfer::kBlocks, 0}}), "size is 0"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadInput, {{transfer::kDramOffset, 1}}), "its region"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadInput, {{transfer::kDramRowPitch, 6}}), "its region"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadInput, {{transfer::kDramBlockPitch, 21}}), "its region"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadInput, {{transfer::kAddress, 512 - 23}}), "its memory"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadInput, {{transfer::kRowPitch, 2}}), "overlap"));
  SLUICE_CHECK(RefusedFor(Changed(kLoadInput, {{transfer::kBlockPitch, 11}}), "overlap"));
  SLUICE_CHECK(RefusedFor(Changed(kReload, {{transfer::kRegion, 1}, {transfer::kColumns, 2}}),
                          "never written"));
  // Where the spill leaves a gap in the arena, its first column.
  ProgramParts gap = Changed(kSpill, {{transfer::kDramOffset, 1}, {transfer::kColumns, 2}});
  SLUICE_CHECK(RefusedFor(gap, "arena that nothing was stored to"));
}

void CheckStores() {
  SLUICE_CHECK(RefusedFor(Changed(kSpill, {{transfer::kMemory, 1}}), "another memory"));
  SLUICE_CHECK(RefusedFor(Changed(kSpill, {{transfer::kRegion, 0}}), "another region"));
  SLUICE_CHECK(RefusedFor(Changed(kSpill, {{transfer::kRegion, 7}}), "another region"));
  SLUICE_CHECK(RefusedFor(Changed(kSpill, {{transfer::kRows, 0}}), "size is 0"));
  SLUICE_CHECK(RefusedFor(Changed(kSpill, {{transfer::kDramOffset, 1}}), "outside its region"));
  SLUICE_CHECK(RefusedFor(Changed(kSpill, {{transfer::kAddress, 512 - 7}}), "beyond its memory"));
  SLUICE_CHECK(RefusedFor(Changed(kSpill, {{transfer::kDramRowPitch, 2}}), "overlap"));
  SLUICE_CHECK(RefusedFor(Changed(kSpill, {{transfer::kDramBlockPitch, 5}}), "overlap"));
  SLUICE_CHECK(
      RefusedFor(Changed(kSpill, {{transfer::kAddress, CiPlaces().upsampled}}), "never written"));
  // The fourth column of a row shares a line with the third, and nothing wrote it.
  SLUICE_CHECK(RefusedFor(
      Changed(kSpill, {{transfer::kColumns, 4}, {transfer::kRows, 1}, {transfer::kBlocks, 1}}),
      "never written"));
  SLUICE_CHECK(RefusedFor(Changed(kStoreOutput, {{transfer::kColumns, 5}}), "never stored"));
  // Rows of the source may overlap: a row stored twice.
  SLUICE_CHECK(Accepted(Changed(kSpill, {{transfer::kRowPitch, 0}})));
}

void CheckContents() {
  const std::size_t records = std::size_t{CiPlaces().record_beat} * CiHardware().input_parallel;
  const auto with_byte = [](std::size_t at, std::uint8_t value) {
    ProgramParts parts = MakeSample(CiHardware());
    parts.weights[at] = value;
    return parts;
  };
  for (const std::size_t at : {std::size_t{0}, std::size_t{1000}, records - 1}) {
    SLUICE_CHECK(RefusedFor(with_byte(at, 0x80), "weight of -128"));
    SLUICE_CHECK(Accepted(with_byte(at, 0x81)));
  }
  for (const std::size_t record : {std::size_t{0}, std::size_t{31}}) {
    const std::size_t shift = records + record * isa::kParameterRecordBytes + 7;
    for (const std::uint8_t value : FileBytes{0, 64, 128, 255}) {
      SLUICE_CHECK(RefusedFor(with_byte(shift, value), "channel record"));
    }
    SLUICE_CHECK(Accepted(with_byte(shift, 63)));
    SLUICE_CHECK(Accepted(with_byte(shift - 1, 0x80)));
  }
  // Bytes that nothing loads as weights may be anything.
  ProgramParts unused = MakeSample(CiHardware());
  unused.weights.resize(unused.weights.size() + 16, 0x80);
  SLUICE_CHECK(Accepted(unused));
}

// A program that would take minutes to follow is refused after a second or so.
void CheckWork() {
  ProgramParts parts = MakeSample(CiHardware());
  constexpr std::uint32_t kColumns = 3;
  isa::Transfer scattered{};
  scattered.region = static_cast<std::uint32_t>(isa::Region::kArena);
  scattered.columns = 1;
  scattered.rows = 16383;
  scattered.blocks = 1023;
  scattered.dram_row_pitch = 2;
  scattered.dram_block_pitch = 2 * 16383 + kColumns;
  const std::uint64_t beats = 1022ull * scattered.dram_block_pitch + 2 * 16383;
  parts.arena_bytes = static_cast<std::uint32_t>((beats + 2) / 2 * 2 * 8);
  SLUICE_CHECK(Accepted(parts));
  parts.instructions.insert(parts.instructions.begin() + kConvolve, 65'000,
                            isa::AssembleStore(scattered));
  SLUICE_CHECK(RefusedFor(parts, "too many scattered words"));
}

}  // namespace

int main() {
  CheckSample();
  CheckHeaders();
  CheckFinish();
  CheckTokens();
  CheckFinishTakesToken();
  CheckTokenQueueDepth();
  CheckLoadItems();
  CheckLoadActivations();
  CheckStores();
  CheckContents();
  CheckWork();
  return sluice::testing::Finish();
}
