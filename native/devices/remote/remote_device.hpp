// A device that another process holds: whatever becomes of it there, here it is a status.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_REMOTE_DEVICE_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_REMOTE_DEVICE_HPP_

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "native/core/device.hpp"
#include "native/devices/remote/device_process.hpp"

namespace sluice::remote {

class RemoteProgram;

// A process that exits, crashes, hangs or talks nonsense gives kDeviceFault and is killed; the next
// Load or Run starts another, with back-off, and programs follow when they are next run.
class RemoteDevice final : public Device {
 public:
  RemoteDevice(DeviceProcessOptions options, Hardware hardware)
      : options_(std::move(options)), hardware_(std::move(hardware)) {}
  ~RemoteDevice() override { Close(); }

  // Starts the first process. Codes: kDeviceUnavailable, kCancelled.
  Status Open(const std::atomic<bool>& stop);

  const Hardware& hardware() const override { return hardware_; }

  // Codes: kDeviceUnavailable while the process is not yet started again, kDeviceFault,
  // kDeviceClosed, kLimitExceeded.
  Status Load(Program program, std::shared_ptr<ResidentProgram>* resident) override;

  // Codes: as Load, and kCancelled: a run that does not stop by itself has its process killed.
  Status Run(ResidentProgram& resident, std::span<const std::uint8_t> input,
             std::span<std::uint8_t> output, const std::atomic<bool>& stop,
             Counters* counters) override;

  // Ends the process; a Load on another thread ends with kDeviceClosed. Idempotent.
  void Close() override;

 private:
  using Line = DeviceProcess::Line;

  // The process, started where there is none.
  Status Acquire(const std::atomic<bool>& stop, std::shared_ptr<DeviceProcess>* process);
  Status Restart(const std::atomic<bool>& stop, std::shared_ptr<DeviceProcess>* process);
  Status WaitToStart(const std::atomic<bool>& stop, std::unique_lock<std::mutex>* lock);
  // The process, when there is one that answers.
  std::shared_ptr<DeviceProcess> Current();
  Status LoadInto(const std::shared_ptr<DeviceProcess>& process, Line line,
                  const std::atomic<bool>& stop, RemoteProgram* program);
  // Counts a failure of the process, unless it was ended on purpose.
  Status Failed(const Status& status);
  Status ClosedOr(Status status) const;

  const DeviceProcessOptions options_;
  const Hardware hardware_;
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> next_program_{1};

  // Held while a process starts.
  std::mutex starting_;
  // Guards the rest; never held for long.
  std::mutex mutex_;
  std::shared_ptr<DeviceProcess> process_;
  unsigned failures_ = 0;
  std::string last_failure_;
  std::chrono::steady_clock::time_point retry_at_{};
};

// Opens the device and waits for it. Codes: kDeviceUnavailable, kCancelled once `stop` is set.
Status OpenRemoteDevice(DeviceProcessOptions options, const std::atomic<bool>& stop,
                        std::unique_ptr<Device>* device);

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_REMOTE_DEVICE_HPP_
