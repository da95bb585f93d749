// The functions that JavaScript sees: here those of the NPU, which native/npu.ts alone calls.
#include <napi.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "native/addon/arguments.hpp"
#include "native/addon/buffers.hpp"
#include "native/addon/codec.hpp"
#include "native/addon/device_host.hpp"
#include "native/addon/device_opener.hpp"
#include "native/addon/errors.hpp"
#include "native/addon/handles.hpp"
#include "native/addon/ort.hpp"
#include "native/addon/timing.hpp"
#include "native/devices/csim/csim.hpp"
#ifdef __linux__
#include "native/devices/remote/remote_device.hpp"
#endif
#include "native/devices/simulator/simulator.hpp"

namespace sluice::addon {
namespace {

DeviceHandle& DeviceOf(const Napi::CallbackInfo& info) {
  return Unwrap<DeviceHandle>(info, 0, kDeviceTag, "a device");
}

ProgramHandle& ProgramOf(const Napi::CallbackInfo& info) {
  return Unwrap<ProgramHandle>(info, 0, kProgramTag, "a program");
}

// The bytes of a Uint8Array; they belong to JavaScript until it runs again.
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

Napi::Value WrapDevice(Napi::Env env, std::unique_ptr<Device> device,
                       std::chrono::milliseconds grace = limits::kStopGrace) {
  return Wrap<DeviceHandle>(env, kDeviceTag, DeviceHost::Create(env, std::move(device), grace));
}

// A whole number of an options object; absent when it is undefined.
std::optional<std::uint64_t> NumberOf(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  if (value.IsUndefined()) return std::nullopt;
  bool lossless = false;
  if (value.IsBigInt()) {
    const std::uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (lossless) return number;
  } else if (value.IsNumber()) {
    constexpr double kMost = 9007199254740991.0;
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= 0 && number <= kMost && number == std::trunc(number)) {
      return static_cast<std::uint64_t>(number);
    }
  }
  throw Napi::TypeError::New(options.Env(), std::string(name) + " must be a whole number");
}

// openSimulator(configuration, { seed, threads, kernels }) -> { device, seed, threads, kernels }
Napi::Value OpenSimulatorDevice(const Napi::CallbackInfo& info) {
  const std::string configuration = StringOf(info, 0);
  if (info.Length() < 2 || !info[1].IsObject()) {
    throw Napi::TypeError::New(info.Env(), "argument 2 must be an object");
  }
  const Napi::Object given = info[1].As<Napi::Object>();
  SimulatorOptions options;
  options.seed = NumberOf(given, "seed");
  options.threads = static_cast<unsigned>(
      std::min<std::uint64_t>(NumberOf(given, "threads").value_or(0), kSimulatorThreadsMax + 1));
  if (given.Get("kernels").IsString()) options.kernels = given.Get("kernels").ToString();
  std::unique_ptr<Device> device;
  SimulatorFacts facts;
  ThrowUnlessOk(info.Env(), OpenSimulator(configuration, options, &device, &facts));
  const Napi::Object opened = Napi::Object::New(info.Env());
  opened.Set("device", WrapDevice(info.Env(), std::move(device)));
  opened.Set("seed", Napi::BigInt::New(info.Env(), facts.seed));
  opened.Set("threads", static_cast<double>(facts.threads));
  opened.Set("kernels", facts.kernels);
  return opened;
}

// The C simulation looks at its stop flag between instructions, which may take it long.
constexpr std::chrono::minutes kCsimStopGrace{2};

// openCsim(configuration) -> device
Napi::Value OpenCsimDevice(const Napi::CallbackInfo& info) {
  std::unique_ptr<Device> device;
  ThrowUnlessOk(info.Env(), OpenCsim(StringOf(info, 0), &device));
  return WrapDevice(info.Env(), std::move(device), kCsimStopGrace);
}

#ifdef __linux__
std::string TextOf(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  throw Napi::TypeError::New(options.Env(), std::string(name) + " must be a string");
}

remote::DeviceProcessOptions ProcessOptionsOf(const Napi::Object& options) {
  remote::DeviceProcessOptions process;
  process.host = TextOf(options, "host");
  process.library = TextOf(options, "library");
  process.configuration = TextOf(options, "configuration");
  process.image = TextOf(options, "image");
  process.device_index = options.Get("deviceIndex").ToNumber().Uint32Value();
  const Napi::Array environment = options.Get("environment").As<Napi::Array>();
  for (std::uint32_t index = 0; index < environment.Length(); ++index) {
    process.environment.push_back(environment.Get(index).ToString().Utf8Value());
  }
  return process;
}
#endif

// openProcess({ host, library, configuration, image, deviceIndex, environment }, callback):
// callback(error, device)
void OpenProcess(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsObject()) {
    throw Napi::TypeError::New(info.Env(), "argument 1 must be an object");
  }
#ifdef __linux__
  DeviceOpener::Start(
      info.Env(),
      [process = ProcessOptionsOf(info[0].As<Napi::Object>())](const std::atomic<bool>& stop,
                                                               std::unique_ptr<Device>* device) {
        return remote::OpenRemoteDevice(process, stop, device);
      },
      FunctionOf(info, 1));
#else
  ThrowUnlessOk(info.Env(), Status{StatusCode::kDeviceUnavailable,
                                   "NPU: devices in processes of their own need Linux"});
#endif
}

// describe(device) -> { configuration, hash, clockMhz, inputParallel, ... }
Napi::Value Describe(const Napi::CallbackInfo& info) {
  const Hardware& hardware = DeviceOf(info)->hardware();
  const Napi::Object object = Napi::Object::New(info.Env());
  object.Set("configuration", hardware.configuration);
  object.Set("hash", HexOf(hardware.hash));
  const std::pair<const char*, std::uint32_t> sizes[] = {
      {"clockMhz", hardware.clock_mhz},
      {"inputParallel", hardware.input_parallel},
      {"outputParallel", hardware.output_parallel},
      {"pixelParallel", hardware.pixel_parallel},
      {"vectorParallel", hardware.vector_parallel},
      {"activationLines", hardware.activation_lines},
      {"weightTiles", hardware.weight_tiles},
      {"parameterBlocks", hardware.parameter_blocks},
      {"tableSlots", hardware.table_slots}};
  for (const auto& [name, size] : sizes) object.Set(name, static_cast<double>(size));
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

// Any number may come from JavaScript.
Status CheckInputBytes(double bytes) {
  if (bytes >= 0 && bytes <= static_cast<double>(limits::kSubmissionBytesMax)) return Ok();
  return Status{StatusCode::kLimitExceeded, "NPU: inputs of " + std::to_string(bytes) +
                                                " bytes, at most " +
                                                std::to_string(limits::kSubmissionBytesMax)};
}

// newInputs(program, items) -> Uint8Array that submit does not copy
Napi::Value NewInputsOf(const Napi::CallbackInfo& info) {
  const ProgramHandle& program = ProgramOf(info);
  if (info.Length() < 2 || !info[1].IsNumber()) {
    throw Napi::TypeError::New(info.Env(), "argument 2 must be a number");
  }
  const double bytes =
      info[1].As<Napi::Number>().DoubleValue() * static_cast<double>(program.input_bytes);
  ThrowUnlessOk(info.Env(), CheckInputBytes(bytes));
  return NewInputs(info.Env(), static_cast<std::size_t>(bytes));
}

// submit(program, inputs, callback) -> id of the submission; inputs that newInputs gave are read
// until the callback, others copied before it returns
Napi::Value Submit(const Napi::CallbackInfo& info) {
  const ProgramHandle& program = ProgramOf(info);
  if (program.resident == nullptr) {
    ThrowUnlessOk(info.Env(),
                  Status{StatusCode::kDeviceClosed, "NPU: the program has been unloaded"});
  }
  const std::span<const std::uint8_t> inputs = BytesOf(info, 1);
  // Before they are copied.
  ThrowUnlessOk(info.Env(), CheckInputBytes(static_cast<double>(inputs.size())));
  SubmissionId id = 0;
  ThrowUnlessOk(info.Env(), program.device->Submit(program.resident, SharedBytesOf(inputs),
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

// close(device, callback): callback(error)
void Close(const Napi::CallbackInfo& info) {
  ThrowUnlessOk(info.Env(), DeviceOf(info)->Close(FunctionOf(info, 1)));
}

Napi::Object Register(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData());
  exports.Set("initialise", Napi::Function::New(env, Initialise));
  RegisterCodec(env, exports);
  RegisterOrt(env, exports);
  exports.Set("openSimulator", Napi::Function::New(env, OpenSimulatorDevice));
  exports.Set("openCsim", Napi::Function::New(env, OpenCsimDevice));
  exports.Set("openProcess", Napi::Function::New(env, OpenProcess));
  exports.Set("describe", Napi::Function::New(env, Describe));
  exports.Set("load", Napi::Function::New(env, Load));
  exports.Set("unload", Napi::Function::New(env, Unload));
  exports.Set("newInputs", Napi::Function::New(env, NewInputsOf));
  exports.Set("submit", Napi::Function::New(env, Submit));
  exports.Set("cancel", Napi::Function::New(env, Cancel));
  exports.Set("close", Napi::Function::New(env, Close));
  exports.Set("estimate", Napi::Function::New(env, Estimate));
  return exports;
}

NODE_API_MODULE(sluice_native, Register)

}  // namespace
}  // namespace sluice::addon
