// One device of one JavaScript environment: callbacks on this side, its worker's threads on the
// other.
#ifndef SLUICE_NATIVE_ADDON_DEVICE_HOST_HPP_
#define SLUICE_NATIVE_ADDON_DEVICE_HOST_HPP_

#include <napi.h>

#include <chrono>
#include <memory>
#include <unordered_map>

#include "native/core/device_worker.hpp"

namespace sluice::addon {

// All members run on the environment's thread. A submission or load that waits for its answer keeps
// the host and the event loop alive; an idle device keeps neither. When the environment ends, or
// the last handle is collected, the worker is stopped and joined: a device has `grace` to stop, and
// is left behind with its thread when it does not.
class DeviceHost : public std::enable_shared_from_this<DeviceHost> {
 public:
  static std::shared_ptr<DeviceHost> Create(Napi::Env env, std::unique_ptr<Device> device,
                                            std::chrono::milliseconds grace = limits::kStopGrace);
  ~DeviceHost();
  DeviceHost(const DeviceHost&) = delete;
  DeviceHost& operator=(const DeviceHost&) = delete;

  const Hardware& hardware() const { return worker_.hardware(); }

  // `callback(error, { handle, inputBytes, outputBytes })` is called once. The file is pinned until
  // then: its buffer must be neither written to nor detached.
  Status Load(Napi::Uint8Array file, Napi::Function callback);

  // `callback(error, outputs, counters)` is called once, unless Cancel comes first.
  Status Submit(std::shared_ptr<ResidentProgram> resident, SharedBytes inputs,
                Napi::Function callback, SubmissionId* id);

  // The submission's callback will not be called.
  void Cancel(SubmissionId id);

  // `callback(error)` is called when every submission has been answered and the threads have ended;
  // kDeviceFault when they have not.
  Status Close(Napi::Function callback);

 private:
  struct Message;
  static void CallJs(Napi::Env env, Napi::Function unused, DeviceHost* host, Message* message);
  using Channel = Napi::TypedThreadSafeFunction<DeviceHost, Message, &DeviceHost::CallJs>;
  static void OnEnvironmentEnd(DeviceHost* host);
  using EndHook = Napi::Env::CleanupHook<void (*)(DeviceHost*), DeviceHost>;

  struct Pending {
    Napi::FunctionReference callback;
    std::shared_ptr<DeviceHost> host;
  };

  struct Loading {
    Pending pending;
    Napi::Reference<Napi::Uint8Array> file;
  };

  DeviceHost(Napi::Env env, std::unique_ptr<Device> device, std::chrono::milliseconds grace)
      : env_(env), worker_(std::move(device), grace) {}

  Status Open();
  // From the worker's threads.
  void Send(std::unique_ptr<Message> message);
  void Answer(Completion completion);
  void Loaded();
  void Closed(const Status& status);
  // Stops and joins the threads and lets go of everything in the environment; idempotent.
  void Shutdown();
  // The event loop stays alive while there is something to answer.
  void UpdateKeepAlive();

  const Napi::Env env_;
  DeviceWorker worker_;
  Channel channel_;
  EndHook end_hook_;
  std::unordered_map<SubmissionId, Pending> pending_;
  Loading loading_;
  Pending closing_;
  bool kept_alive_ = false;
  bool shut_down_ = false;
};

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_DEVICE_HOST_HPP_
