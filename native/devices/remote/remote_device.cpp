#include "native/devices/remote/remote_device.hpp"

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "native/devices/remote/known_hardware.hpp"
#include "native/devices/remote/program_transfer.hpp"

namespace sluice::remote {
namespace {

using Clock = std::chrono::steady_clock;

// After so many failures in a row: the first costs nothing, for most never come back.
std::chrono::milliseconds RestartDelay(unsigned failures) {
  constexpr unsigned kDoublingsMax = 10;
  if (failures < 2) return std::chrono::milliseconds(0);
  const unsigned doublings = std::min(failures - 2, kDoublingsMax);
  return std::min(kRestartDelay * (1 << doublings), kRestartDelayMax);
}

Status Closed() { return Status{StatusCode::kDeviceClosed, "NPU: the device is closed"}; }

}  // namespace

// A program and the memory through which its items pass. It stays when its process does not.
class RemoteProgram final : public ResidentProgram {
 public:
  RemoteProgram(Program program, std::uint64_t id) : ResidentProgram(std::move(program)), id(id) {}
  ~RemoteProgram() override {
    if (const std::shared_ptr<DeviceProcess> process = loaded_in.lock()) process->Unload(id);
  }

  const std::uint64_t id;
  SharedMemory items;
  std::weak_ptr<DeviceProcess> loaded_in;
};

Status RemoteDevice::Open(const std::atomic<bool>& stop) {
  std::shared_ptr<DeviceProcess> process;
  return Acquire(stop, &process);
}

Status RemoteDevice::Load(Program program, std::shared_ptr<ResidentProgram>* resident) {
  const auto loaded = std::make_shared<RemoteProgram>(std::move(program), next_program_++);
  Status status = SharedMemory::Create(ItemBytes(SizesOf(loaded->program())), &loaded->items);
  if (!status.ok()) return status;
  for (int tries = 1; tries <= kLoadTriesMax; ++tries) {
    std::shared_ptr<DeviceProcess> process;
    status = Acquire(closed_, &process);
    if (status.ok()) status = LoadInto(process, Line::kLoads, closed_, loaded.get());
    if (process == nullptr || !process->stopped()) break;
  }
  if (!status.ok()) return ClosedOr(std::move(status));
  *resident = loaded;
  return Ok();
}

Status RemoteDevice::LoadInto(const std::shared_ptr<DeviceProcess>& process, Line line,
                              const std::atomic<bool>& stop, RemoteProgram* program) {
  SharedMemory sections;
  Status status = WriteProgram(program->program(), &sections);
  if (!status.ok()) return status;
  Message message;
  message.kind = MessageKind::kLoad;
  message.program = program->id;
  message.sizes = SizesOf(program->program());
  const int descriptors[] = {sections.descriptor(), program->items.descriptor()};
  status = process->Ask(line, descriptors, Patience{stop, options_.timeouts.load}, &message);
  if (!status.ok()) return process->stopped() ? status : Failed(status);
  status = StatusOf(message);
  if (status.ok()) program->loaded_in = process;
  return status;
}

Status RemoteDevice::Run(ResidentProgram& resident, std::span<const std::uint8_t> input,
                         std::span<std::uint8_t> output, const std::atomic<bool>& stop,
                         Counters* counters) {
  std::shared_ptr<DeviceProcess> process;
  Status status = Acquire(stop, &process);
  if (!status.ok()) return ClosedOr(std::move(status));
  RemoteProgram& program = static_cast<RemoteProgram&>(resident);
  if (program.loaded_in.lock() != process) {
    status = LoadInto(process, Line::kRuns, stop, &program);
    if (!status.ok()) return status;
  }
  const std::span<std::uint8_t> items = program.items.bytes();
  std::memcpy(items.data(), input.data(), input.size());
  Message message;
  message.kind = MessageKind::kRun;
  message.program = program.id;
  status = process->Ask(Line::kRuns, {}, Patience{stop, options_.timeouts.run}, &message);
  if (!status.ok()) return Failed(status);
  AddCounters(message.counters, counters);
  status = StatusOf(message);
  if (!status.ok()) return status;
  std::memcpy(output.data(), items.data() + input.size(), output.size());
  const std::lock_guard<std::mutex> lock(mutex_);
  failures_ = 0;
  return Ok();
}

void RemoteDevice::Close() {
  closed_ = true;
  std::shared_ptr<DeviceProcess> process;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    process = std::exchange(process_, nullptr);
  }
  if (process != nullptr) process->End(kExitGrace);
}

Status RemoteDevice::Acquire(const std::atomic<bool>& stop,
                             std::shared_ptr<DeviceProcess>* process) {
  *process = Current();
  if (*process != nullptr) return Ok();
  std::unique_lock<std::mutex> lock(starting_, std::defer_lock);
  Status status = WaitToStart(stop, &lock);
  if (!status.ok()) return status;
  // Another thread may have started it meanwhile.
  *process = Current();
  return *process != nullptr ? Ok() : Restart(stop, process);
}

Status RemoteDevice::WaitToStart(const std::atomic<bool>& stop,
                                 std::unique_lock<std::mutex>* lock) {
  while (!lock->try_lock()) {
    if (stop || closed_) return Status{StatusCode::kCancelled, "NPU: the run was stopped"};
    std::this_thread::sleep_for(kPollInterval);
  }
  return closed_ ? Closed() : Ok();
}

Status RemoteDevice::Restart(const std::atomic<bool>& stop,
                             std::shared_ptr<DeviceProcess>* process) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    process_ = nullptr;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(retry_at_ - Clock::now());
    if (left.count() > 0) {
      return Status{StatusCode::kDeviceUnavailable,
                    last_failure_ + "; started again in " + std::to_string(left.count()) + " ms"};
    }
  }
  auto started = std::make_shared<DeviceProcess>();
  const Status status = started->Start(options_, hardware_, stop);
  if (!status.ok()) return Failed(status);
  const std::lock_guard<std::mutex> lock(mutex_);
  // Close has looked for a process already.
  if (closed_) return Closed();
  process_ = started;
  *process = std::move(started);
  return Ok();
}

std::shared_ptr<DeviceProcess> RemoteDevice::Current() {
  std::shared_ptr<DeviceProcess> process;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    process = process_;
  }
  return process != nullptr && process->alive() ? process : nullptr;
}

Status RemoteDevice::Failed(const Status& status) {
  if (status.code == StatusCode::kCancelled || closed_) return status;
  const std::lock_guard<std::mutex> lock(mutex_);
  ++failures_;
  last_failure_ = status.reason;
  retry_at_ = Clock::now() + RestartDelay(failures_);
  return status;
}

Status RemoteDevice::ClosedOr(Status status) const { return closed_ ? Closed() : status; }

Status OpenRemoteDevice(DeviceProcessOptions options, const std::atomic<bool>& stop,
                        std::unique_ptr<Device>* device) {
  Hardware hardware;
  Status status = FindHardware(options.configuration, &hardware);
  if (!status.ok()) return status;
  auto remote = std::make_unique<RemoteDevice>(std::move(options), std::move(hardware));
  status = remote->Open(stop);
  if (status.ok()) *device = std::move(remote);
  return status;
}

}  // namespace sluice::remote
