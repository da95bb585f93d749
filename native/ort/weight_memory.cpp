#include "native/ort/weight_memory.hpp"

#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>

#include <mutex>
#endif

namespace sluice::ort {

#ifdef __GLIBC__

namespace {

constexpr int kWeightBlock = 128 * 1024;
// As in agent/supervise/scoring-environment.ts.
constexpr int kRequestBlock = 4 * 1024 * 1024;

std::mutex mutex;
int loading = 0;

// What was set by hand stays.
bool IsOurs() {
  const char* const set = std::getenv("MALLOC_MMAP_THRESHOLD_");
  return set == nullptr || std::atol(set) == kRequestBlock;
}

}  // namespace

WeightMemory::WeightMemory() {
  const std::lock_guard lock(mutex);
  if (++loading == 1 && IsOurs()) mallopt(M_MMAP_THRESHOLD, kWeightBlock);
}

WeightMemory::~WeightMemory() {
  const std::lock_guard lock(mutex);
  if (--loading == 0 && IsOurs()) mallopt(M_MMAP_THRESHOLD, kRequestBlock);
}

void ReturnFreeMemory() { malloc_trim(0); }

#else

WeightMemory::WeightMemory() {}
WeightMemory::~WeightMemory() {}
void ReturnFreeMemory() {}

#endif

}  // namespace sluice::ort
