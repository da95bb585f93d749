// sluice-device-host: opens the device of a shared object and serves it to the process that started
// it, so that what the device's libraries do to a process, they do to this one.
//   sluice-device-host LIBRARY SCRATCH-FOLDER CONFIGURATION DEVICE-INDEX IMAGE
// Descriptor 3 is the socket for runs, 4 the one for loads. Ends when they close.
#include <dlfcn.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>

#include "native/devices/remote/device_library.hpp"
#include "native/devices/remote/message.hpp"
#include "native/host/device_server.hpp"

namespace sluice::remote {
namespace {

constexpr int kRunsDescriptor = 3;
constexpr int kLoadsDescriptor = 4;
constexpr int kArguments = 6;

bool IsSocket(int descriptor) {
  int type = 0;
  socklen_t bytes = sizeof(type);
  return ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 &&
         type == SOCK_SEQPACKET;
}

DeviceParameters ParseArguments(int count, char** arguments) {
  if (count != kArguments || !IsSocket(kRunsDescriptor) || !IsSocket(kLoadsDescriptor)) {
    Die(kExitUsage, "started by sluice, with two sockets, and not by hand");
  }
  DeviceParameters parameters;
  parameters.scratch_folder = arguments[2];
  parameters.configuration = arguments[3];
  parameters.image = arguments[5];
  const std::string_view index(arguments[4]);
  const auto parsed = std::from_chars(index.begin(), index.end(), parameters.index);
  if (parsed.ec != std::errc() || parsed.ptr != index.end()) {
    Die(kExitUsage, "the device's index is a number, not " + std::string(index));
  }
  return parameters;
}

// More than the other end waits before it kills this process, if it still can.
constexpr auto kLastCallGrace = 2 * kExitGrace;

// Set when the device is gone, and with it what could hang.
std::atomic<bool> device_gone{false};

// Ends a process whose other end has closed and whose device still hangs in a call.
void WatchForEnd(std::string scratch_folder) {
  pollfd waits[] = {{kRunsDescriptor, 0, 0}, {kLoadsDescriptor, 0, 0}};
  while (::poll(waits, 2, -1) <= 0) continue;
  std::this_thread::sleep_for(kLastCallGrace);
  if (device_gone) return;
  std::error_code ignored;
  std::filesystem::remove_all(scratch_folder, ignored);
  Die(kExitDevice, "the device did not end its last call");
}

Status OpenLibrary(const char* path, const DeviceParameters& parameters,
                   std::unique_ptr<Device>* device) {
  void* library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void* open = library == nullptr ? nullptr : ::dlsym(library, kOpenDeviceName);
  if (open == nullptr) {
    return Status{StatusCode::kDeviceUnavailable, std::string("NPU: ") + ::dlerror()};
  }
  Status status;
  try {
    reinterpret_cast<OpenDevice*>(open)(parameters, &status, device);
  } catch (const std::exception& error) {
    status = Status{StatusCode::kDeviceUnavailable, std::string("NPU: ") + error.what()};
  }
  return status;
}

void ServeBoth(std::unique_ptr<Device> device, const Channel& runs, const Channel& loads) {
  DeviceServer server(std::move(device));
  std::thread loader([&server, &loads] { server.Serve(loads); });
  server.Serve(runs);
  loads.Shutdown();
  loader.join();
}

int Main(int count, char** arguments) {
  // Whatever else was inherited is none of the device's business.
  ::syscall(SYS_close_range, kLoadsDescriptor + 1, ~0U, 0);
  const DeviceParameters parameters = ParseArguments(count, arguments);
  const Channel runs{FileDescriptor(kRunsDescriptor)};
  const Channel loads{FileDescriptor(kLoadsDescriptor)};
  std::thread(WatchForEnd, parameters.scratch_folder).detach();
  std::unique_ptr<Device> device;
  Message hello;
  SetStatus(OpenLibrary(arguments[1], parameters, &device), &hello);
  if (device == nullptr) {
    runs.Send(hello);
    return kExitDevice;
  }
  hello.hash = device->hardware().hash;
  SetText(device->hardware().configuration, &hello);
  runs.Send(hello);
  ServeBoth(std::move(device), runs, loads);
  device_gone = true;
  // Who started it may have died without a chance to.
  std::error_code ignored;
  std::filesystem::remove_all(parameters.scratch_folder, ignored);
  return 0;
}

}  // namespace
}  // namespace sluice::remote

int main(int count, char** arguments) { return sluice::remote::Main(count, arguments); }
