// Which kernels this processor can run. Compiled for any machine.
#include "native/devices/simulator/kernels/kernels.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace sluice::simulator {
namespace {

#if defined(__x86_64__) || defined(__i386__)

bool HasAvx2() { return __builtin_cpu_supports("avx2"); }

// Not every compiler's __builtin_cpu_supports knows the name: leaf 7.1, EAX bit 4.
bool HasAvxVnni() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return HasAvx2() && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax >> 4 & 1) != 0;
}

bool HasAvx512() {
  return HasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
         __builtin_cpu_supports("avx512vbmi");
}

#else

bool HasAvx2() { return false; }
bool HasAvxVnni() { return false; }
bool HasAvx512() { return false; }

#endif

}  // namespace

std::vector<const KernelSet*> UsableKernels() {
  std::vector<const KernelSet*> usable;
  if (kAvx512Kernels != nullptr && HasAvx512()) usable.push_back(kAvx512Kernels);
  if (kAvxVnniKernels != nullptr && HasAvxVnni()) usable.push_back(kAvxVnniKernels);
  if (kAvx2Kernels != nullptr && HasAvx2()) usable.push_back(kAvx2Kernels);
  usable.push_back(kPortableKernels);
  return usable;
}

}  // namespace sluice::simulator
