// Where the memory of a model's weights comes from, so that it goes back when the model does.
#ifndef SLUICE_NATIVE_ORT_WEIGHT_MEMORY_HPP_
#define SLUICE_NATIVE_ORT_WEIGHT_MEMORY_HPP_

namespace sluice::ort {

// While one of these lives, glibc takes blocks from 128 KiB on from the system, each by itself, and
// gives it back as soon as it is freed. Otherwise blocks of up to 4 MiB come from heaps, which is
// what the tensors and texts of requests need: a block from the system is cleared, page by page,
// each time. With other C libraries nothing changes.
class WeightMemory {
 public:
  WeightMemory();
  ~WeightMemory();
  WeightMemory(const WeightMemory&) = delete;
  WeightMemory& operator=(const WeightMemory&) = delete;
};

// Gives back what is free between blocks that are still used: glibc returns only the end of a heap
// by itself.
void ReturnFreeMemory();

}  // namespace sluice::ort

#endif  // SLUICE_NATIVE_ORT_WEIGHT_MEMORY_HPP_
