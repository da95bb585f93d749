// One process of native/host with one open device, and the questions it is asked.
#ifndef SLUICE_NATIVE_DEVICES_REMOTE_DEVICE_PROCESS_HPP_
#define SLUICE_NATIVE_DEVICES_REMOTE_DEVICE_PROCESS_HPP_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "native/core/device.hpp"
#include "native/devices/remote/channel.hpp"
#include "native/devices/remote/child_process.hpp"
#include "native/devices/remote/scratch_folder.hpp"

namespace sluice::remote {

// What to start: the executable of native/host and the device's shared object.
struct DeviceProcessOptions {
  std::string host;
  std::string library;
  std::string configuration;
  std::string image;
  std::uint32_t device_index = 0;
  // All of the process's environment, as NAME=value.
  std::vector<std::string> environment;
  RemoteTimeouts timeouts;
};

// Bounds a wait: `stop` is looked at every kPollInterval.
struct Patience {
  const std::atomic<bool>& stop;
  std::chrono::milliseconds timeout;
};

// Two sockets lead to the process, so that a program loads while another runs. Each is used by one
// thread at a time.
class DeviceProcess {
 public:
  enum class Line { kRuns, kLoads };

  DeviceProcess() = default;
  ~DeviceProcess();

  // Starts the process and waits until it has opened the device, which must be of `hardware`. Once.
  // Codes: kDeviceUnavailable, kCancelled.
  Status Start(const DeviceProcessOptions& options, const Hardware& hardware,
               const std::atomic<bool>& stop);

  // Sends a request and waits for its answer, which replaces it. The status is the exchange's; the
  // answer has its own. When it is not ok the process has been ended. Codes: kDeviceFault,
  // kCancelled.
  Status Ask(Line line, std::span<const int> descriptors, const Patience& patience,
             Message* message);

  // Lets go of a program, from any thread, without waiting. What the process cannot take now it is
  // told before the next load.
  void Unload(std::uint64_t program);

  // Whether it was killed because a run was stopped: no fault of its own.
  bool stopped() const { return stopped_; }

  // Whether it still answers, as far as is known.
  bool alive();

  // Ends it, after `grace` by force. Thread-safe; says how it ended.
  std::string End(std::chrono::milliseconds grace);

 private:
  Status Spawn(const DeviceProcessOptions& options);
  Status Hello(const DeviceProcessOptions& options, const Hardware& hardware,
               const std::atomic<bool>& stop);
  // Waits for a message. What comes instead of one is kDeviceFault, and the process has been ended.
  Status Await(const Channel& channel, const Patience& patience, Message* message);
  Status WaitUntilReadable(const Channel& channel, const Patience& patience);
  Status Fault(const std::string& what, std::chrono::milliseconds grace);
  bool SendUnloads();
  const Channel& channel(Line line) const { return line == Line::kRuns ? runs_ : loads_; }

  Channel runs_;
  Channel loads_;
  ScratchFolder scratch_;
  ChildProcess child_;
  std::atomic<bool> ended_{false};
  std::atomic<bool> stopped_{false};
  std::atomic<std::uint64_t> next_request_{1};
  std::mutex unloads_mutex_;
  std::vector<std::uint64_t> unloads_;
};

}  // namespace sluice::remote

#endif  // SLUICE_NATIVE_DEVICES_REMOTE_DEVICE_PROCESS_HPP_
