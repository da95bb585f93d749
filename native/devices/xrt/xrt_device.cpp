// sluice_xrt.so: the NPU on a board, through the Xilinx Runtime. native/host loads it, never Node:
// the runtime's emulation takes over signals and may end its process.
#include <experimental/xrt_xclbin.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "native/devices/remote/device_library.hpp"
#include "native/devices/remote/known_hardware.hpp"
#include "native/devices/xrt/kernel_arguments.hpp"
#include "native/devices/xrt/xrt_location.hpp"
#include "native/devices/xrt/xrt_program.hpp"

namespace sluice::xrt_device {
namespace {

// How often a wait looks at `stop`.
constexpr std::chrono::milliseconds kWaitSlice{20};

Status DeviceFault(const std::string& reason) {
  return Status{StatusCode::kDeviceFault, "XRT: " + reason};
}

Status Unavailable(const std::string& reason) {
  return Status{StatusCode::kDeviceUnavailable, "XRT: " + reason};
}

class XrtDevice final : public Device {
 public:
  XrtDevice(Hardware hardware, xrt::device device, xrt::kernel kernel)
      : hardware_(std::move(hardware)), device_(std::move(device)), kernel_(std::move(kernel)) {}

  const Hardware& hardware() const override { return hardware_; }

  Status Load(Program program, std::shared_ptr<ResidentProgram>* resident) override {
    try {
      *resident = std::make_shared<XrtProgram>(program, hardware_.input_parallel, device_, kernel_);
      return Ok();
    } catch (const std::exception& error) {
      return DeviceFault(std::string("the program does not fit: ") + error.what());
    }
  }

  Status Run(ResidentProgram& resident, std::span<const std::uint8_t> input,
             std::span<std::uint8_t> output, const std::atomic<bool>& stop,
             Counters* counters) override {
    XrtProgram& program = static_cast<XrtProgram&>(resident);
    try {
      program.Prepare(input);
      program.run().start();
      const Status status = Wait(program.run(), stop);
      return status.ok() ? Answer(program, output, counters) : status;
    } catch (const std::exception& error) {
      return DeviceFault(error.what());
    }
  }

 private:
  static Status Wait(xrt::run& run, const std::atomic<bool>& stop) {
    while (true) {
      switch (const ert_cmd_state state = run.wait(kWaitSlice)) {
        case ERT_CMD_STATE_COMPLETED:
          return Ok();
        case ERT_CMD_STATE_ERROR:
        case ERT_CMD_STATE_ABORT:
        case ERT_CMD_STATE_SKERROR:
        case ERT_CMD_STATE_SKCRASHED:
          return DeviceFault("the kernel ended in state " + std::to_string(state));
        default:
          // A wait that ran out of time tells any of the states before those.
          if (stop) return Status{StatusCode::kCancelled, "NPU: the run was stopped"};
      }
    }
  }

  Status Answer(XrtProgram& program, std::span<std::uint8_t> output, Counters* counters) const {
    NpuStatus status{};
    if (!program.ReadStatus(&status)) return DeviceFault("the kernel wrote no status");
    AddCounters(Counters{.instructions = status.instructions,
                         .execute_cycles = status.execute_cycles,
                         .multiply_accumulates = status.multiply_accumulates,
                         .bytes_loaded = status.beats_loaded * hardware_.input_parallel,
                         .bytes_stored = status.beats_stored * hardware_.input_parallel},
                counters);
    if (status.fault != 0) {
      return DeviceFault("instruction " + std::to_string(status.instruction) + ": fault " +
                         std::to_string(status.fault));
    }
    if (status.finished == 0) return DeviceFault("the kernel did not finish");
    program.ReadOutput(output);
    return Ok();
  }

  const Hardware hardware_;
  const xrt::device device_;
  const xrt::kernel kernel_;
};

// The compute unit of `hardware` in a board image; the names of those that there are otherwise.
Status CheckImage(const xrt::xclbin& image, const std::string& path, const Hardware& hardware) {
  const std::string expected = std::string(kKernelName) + ":" + ComputeUnitName(hardware);
  std::string found;
  for (const xrt::xclbin::ip& unit : image.get_ips()) {
    if (unit.get_name() == expected) return Ok();
    found += (found.empty() ? "" : ", ") + unit.get_name();
  }
  return Unavailable(path + " has the compute units " + (found.empty() ? "(none)" : found) + "; " +
                     expected + " expected for configuration \"" + hardware.configuration +
                     "\": build it with hls/vitis/build.sh");
}

void OpenXrtDevice(const remote::DeviceParameters& parameters, Status* status,
                   std::unique_ptr<Device>* device) {
  Hardware hardware;
  *status = remote::FindHardware(parameters.configuration, &hardware);
  if (status->ok()) *status = LocateXrt(parameters.scratch_folder);
  if (!status->ok()) return;
  try {
    xrt::device opened(parameters.index);
    const xrt::xclbin image(parameters.image);
    *status = CheckImage(image, parameters.image, hardware);
    if (!status->ok()) return;
    const xrt::uuid identity = opened.load_xclbin(image);
    const std::string unit = std::string(kKernelName) + ":{" + ComputeUnitName(hardware) + "}";
    xrt::kernel kernel(opened, identity, unit);
    *device =
        std::make_unique<XrtDevice>(std::move(hardware), std::move(opened), std::move(kernel));
  } catch (const std::exception& error) {
    *status = Unavailable(error.what());
  }
}

}  // namespace
}  // namespace sluice::xrt_device

SLUICE_DEVICE_LIBRARY(parameters, status, device) {
  sluice::xrt_device::OpenXrtDevice(parameters, status, device);
}
