// The functions that JavaScript sees. native/npu.ts is their only caller.
#include <napi.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "native/addon/device_host.hpp"
#include "native/addon/errors.hpp"
#include "native/addon/handles.hpp"
#include "native/devices/simulator/simulator.hpp"

namespace sluice::addon {
namespace {

template <class Handle>
Handle& Unwrap(const Napi::CallbackInfo& info, const napi_type_tag& tag, const char* what) {
  if (info.Length() > 0 && info[0].IsExternal()) {
    const auto external = info[0].As<Napi::External<Handle>>();
    if (external.CheckTypeTag(&tag)) return *external.Data();
  }
  throw Napi::TypeError::New(info.Env(), std::string("argument 1 must be ") + what);
}

DeviceHandle& DeviceOf(const Napi::CallbackInfo& info) {
  return Unwrap<DeviceHandle>(info, kDeviceTag, "a device");
}

ProgramHandle& ProgramOf(const Napi::CallbackInfo& info) {
  return Unwrap<ProgramHandle>(info, kProgramTag, "a program");
}

Napi::Function FunctionOf(const Napi::CallbackInfo& info, std::size_t index) {
  if (info.Length() > index && info[index].IsFunction()) return info[index].As<Napi::Function>();
  throw Napi::TypeError::New(info.Env(),
                             "argument " + std::to_string(index + 1) + " must be a function");
}

// The bytes of a Uint8Array; they belong to JavaScript and must be copied before returning to it.
std::span<const std::uint8_t> BytesOf(const Napi::CallbackInfo& info, std::size_t index) {
  if (info.Length() > index && info[index].IsTypedArray()) {
    const auto array = info[index].As<Napi::TypedArray>();
    if (array.TypedArrayType() == napi_uint8_array) {
      const auto bytes = info[index].As<Napi::Uint8Array>();
      return {bytes.Data(), bytes.ByteLength()};
    }
  }
  throw Napi::TypeError::New(info.Env(),
                             "argument " + std::to_string(index + 1) + " must be a Uint8Array");
}

// initialise(SluiceError)
void Initialise(const Napi::CallbackInfo& info) {
  info.Env().GetInstanceData<AddonData>()->error_class = Napi::Persistent(FunctionOf(info, 0));
}

// openSimulator(configuration) -> device
Napi::Value OpenSimulatorDevice(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsString()) {
    throw Napi::TypeError::New(info.Env(), "argument 1 must be a string");
  }
  std::unique_ptr<Device> device;
  ThrowUnlessOk(info.Env(), OpenSimulator(info[0].As<Napi::String>().Utf8Value(), &device));
  return Wrap<DeviceHandle>(info.Env(), kDeviceTag,
                            DeviceHost::Create(info.Env(), std::move(device)));
}

// describe(device) -> { configuration, hash, clockMhz }
Napi::Value Describe(const Napi::CallbackInfo& info) {
  const Hardware& hardware = DeviceOf(info)->hardware();
  const Napi::Object object = Napi::Object::New(info.Env());
  object.Set("configuration", hardware.configuration);
  object.Set("hash", HexOf(hardware.hash));
  object.Set("clockMhz", static_cast<double>(hardware.clock_mhz));
  return object;
}

// load(device, file, callback); until the callback nobody may write to the file or detach its
// buffer
void Load(const Napi::CallbackInfo& info) {
  BytesOf(info, 1);
  ThrowUnlessOk(info.Env(),
                DeviceOf(info)->Load(info[1].As<Napi::Uint8Array>(), FunctionOf(info, 2)));
}

// unload(program)
void Unload(const Napi::CallbackInfo& info) { ProgramOf(info).resident.reset(); }

// submit(program, inputs, callback) -> id of the submission
Napi::Value Submit(const Napi::CallbackInfo& info) {
  const ProgramHandle& program = ProgramOf(info);
  if (program.resident == nullptr) {
    ThrowUnlessOk(info.Env(),
                  Status{StatusCode::kDeviceClosed, "NPU: the program has been unloaded"});
  }
  const std::span<const std::uint8_t> inputs = BytesOf(info, 1);
  SubmissionId id = 0;
  ThrowUnlessOk(info.Env(),
                program.device->Submit(program.resident, std::vector(inputs.begin(), inputs.end()),
                                       FunctionOf(info, 2), &id));
  return Napi::Number::New(info.Env(), static_cast<double>(id));
}

// cancel(program, id)
void Cancel(const Napi::CallbackInfo& info) {
  const ProgramHandle& program = ProgramOf(info);
  if (info.Length() < 2 || !info[1].IsNumber()) {
    throw Napi::TypeError::New(info.Env(), "argument 2 must be a number");
  }
  program.device->Cancel(static_cast<SubmissionId>(info[1].As<Napi::Number>().Int64Value()));
}

// close(device, callback)
void Close(const Napi::CallbackInfo& info) {
  ThrowUnlessOk(info.Env(), DeviceOf(info)->Close(FunctionOf(info, 1)));
}

Napi::Object Register(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData());
  exports.Set("initialise", Napi::Function::New(env, Initialise));
  exports.Set("openSimulator", Napi::Function::New(env, OpenSimulatorDevice));
  exports.Set("describe", Napi::Function::New(env, Describe));
  exports.Set("load", Napi::Function::New(env, Load));
  exports.Set("unload", Napi::Function::New(env, Unload));
  exports.Set("submit", Napi::Function::New(env, Submit));
  exports.Set("cancel", Napi::Function::New(env, Cancel));
  exports.Set("close", Napi::Function::New(env, Close));
  return exports;
}

NODE_API_MODULE(sluice_native, Register)

}  // namespace
}  // namespace sluice::addon
