// Opens a device that takes its time, on a thread of its own.
#ifndef SLUICE_NATIVE_ADDON_DEVICE_OPENER_HPP_
#define SLUICE_NATIVE_ADDON_DEVICE_OPENER_HPP_

#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "native/core/device.hpp"

namespace sluice::addon {

// Blocks until the device is open or `stop` is set.
using OpenFunction =
    std::function<Status(const std::atomic<bool>& stop, std::unique_ptr<Device>* device)>;

// Owns itself: it goes when the callback has been called or the environment ends, which stops the
// opening. All members run on the environment's thread.
class DeviceOpener {
 public:
  // `callback(error, device)` is called once and keeps the event loop alive until then.
  static void Start(Napi::Env env, OpenFunction open, Napi::Function callback);

 private:
  static void CallJs(Napi::Env env, Napi::Function callback, DeviceOpener* opener, void* unused);
  using Channel = Napi::TypedThreadSafeFunction<DeviceOpener, void, &DeviceOpener::CallJs>;
  static void OnEnvironmentEnd(DeviceOpener* opener);
  using EndHook = Napi::Env::CleanupHook<void (*)(DeviceOpener*), DeviceOpener>;

  DeviceOpener() = default;
  void Join();

  std::thread thread_;
  std::atomic<bool> stop_{false};
  Status status_;
  std::unique_ptr<Device> device_;
  Channel channel_;
  EndHook end_hook_;
};

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_DEVICE_OPENER_HPP_
