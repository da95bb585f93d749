// The timed simulation for JavaScript; native/npu-timing.ts is the only caller.
#ifndef SLUICE_NATIVE_ADDON_TIMING_HPP_
#define SLUICE_NATIVE_ADDON_TIMING_HPP_

#include <napi.h>

namespace sluice::addon {

// estimate(instructions, configuration, callback): simulates the instruction section of a program
// on a thread of its own, for a HardwareConfiguration of contract/npu/hardware.generated.ts, which
// need not be one of those that exist. `callback(error, timeline)` is called once and keeps the
// event loop alive until then. The bytes are copied before it returns. Throws queue_full while
// kEstimatesMax of this process run.
void Estimate(const Napi::CallbackInfo& info);

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_TIMING_HPP_
