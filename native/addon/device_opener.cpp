#include "native/addon/device_opener.hpp"

#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "native/addon/errors.hpp"
#include "native/addon/handles.hpp"

namespace sluice::addon {

namespace {

Status OpenNow(const OpenFunction& open, const std::atomic<bool>& stop,
               std::unique_ptr<Device>* device) {
  try {
    return open(stop, device);
  } catch (const std::bad_alloc&) {
    return Status{StatusCode::kDeviceUnavailable, "NPU: no memory to open it"};
  }
}

}  // namespace

void DeviceOpener::Start(Napi::Env env, OpenFunction open, Napi::Function callback) {
  DeviceOpener* opener = new DeviceOpener();
  opener->channel_ = Channel::New(env, callback, "sluice-npu-open", 0, 1, opener);
  // Hooks run last in, first out: this one joins the thread while the channel still stands.
  opener->end_hook_ = env.AddCleanupHook(&DeviceOpener::OnEnvironmentEnd, opener);
  try {
    opener->thread_ = std::thread([opener, open = std::move(open)] {
      opener->status_ = OpenNow(open, opener->stop_, &opener->device_);
      opener->channel_.NonBlockingCall();
    });
  } catch (const std::system_error& error) {
    opener->end_hook_.Remove(env);
    opener->channel_.Release();
    delete opener;
    ThrowUnlessOk(env, Status{StatusCode::kDeviceUnavailable,
                              std::string("NPU: no thread to open it on: ") + error.what()});
  }
}

void DeviceOpener::CallJs(Napi::Env env, Napi::Function callback, DeviceOpener* opener, void*) {
  // Without an environment the opener is gone already.
  if (static_cast<napi_env>(env) == nullptr) return;
  const std::unique_ptr<DeviceOpener> owned(opener);
  owned->Join();
  owned->end_hook_.Remove(env);
  owned->channel_.Release();
  if (!owned->status_.ok()) {
    callback.Call({MakeError(env, owned->status_)});
    return;
  }
  callback.Call(
      {env.Null(),
       Wrap<DeviceHandle>(env, kDeviceTag, DeviceHost::Create(env, std::move(owned->device_)))});
}

void DeviceOpener::OnEnvironmentEnd(DeviceOpener* opener) {
  const std::unique_ptr<DeviceOpener> owned(opener);
  owned->stop_ = true;
  owned->Join();
  owned->channel_.Abort();
}

void DeviceOpener::Join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace sluice::addon
