#include "native/addon/ort.hpp"

#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "native/addon/arguments.hpp"
#include "native/addon/errors.hpp"
#include "native/addon/handles.hpp"
#include "native/addon/lane.hpp"
#include "native/ort/session.hpp"
#include "native/ort/weight_memory.hpp"

namespace sluice::addon {
namespace {

constexpr napi_type_tag kLaneTag{0x5d0c31a8f64b4e27, 0x9c2e70b51fd8634a};
constexpr napi_type_tag kSessionTag{0x71e96a04c83d4b5f, 0xb60d2fa7438e915c};

using LaneHandle = std::shared_ptr<Lane>;
// Null once it is released.
using SessionHandle = std::shared_ptr<const ort::Session>;

Status NoMemory() {
  return Status{StatusCode::kEngineFailed, "ONNX Runtime: there is no memory for it"};
}

// Memory of JavaScript that a lane reads or writes: nobody may detach it until the work is settled,
// and who writes to it meanwhile changes the result, and nothing else.
struct Pinned {
  Napi::Reference<Napi::Uint8Array> array;
  std::uint8_t* first = nullptr;
  std::size_t size = 0;
};

Pinned Pin(Napi::Uint8Array array) {
  return Pinned{Napi::Persistent(array), array.Data(), array.ByteLength()};
}

Napi::Uint8Array BytesOf(const Napi::Value& value, const char* what) {
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    return value.As<Napi::Uint8Array>();
  }
  throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a Uint8Array");
}

Napi::Array ArrayOf(const Napi::Value& value, const char* what) {
  if (value.IsArray()) return value.As<Napi::Array>();
  throw Napi::TypeError::New(value.Env(), std::string(what) + " must be an array");
}

std::vector<std::string> TextsOf(const Napi::Value& value, const char* what) {
  const Napi::Array list = ArrayOf(value, what);
  std::vector<std::string> texts;
  for (std::uint32_t index = 0; index < list.Length(); ++index) {
    texts.push_back(list.Get(index).ToString().Utf8Value());
  }
  return texts;
}

Napi::Array ListOf(Napi::Env env, const std::vector<std::string>& texts) {
  Napi::Array list = Napi::Array::New(env, texts.size());
  for (std::size_t index = 0; index < texts.size(); ++index) {
    list[static_cast<std::uint32_t>(index)] = Napi::String::New(env, texts[index]);
  }
  return list;
}

std::vector<ort::TensorView> InputsOf(const Napi::Value& value) {
  const Napi::Array list = ArrayOf(value, "inputs");
  std::vector<ort::TensorView> inputs(list.Length());
  for (std::uint32_t index = 0; index < list.Length(); ++index) {
    const Napi::Value given = list.Get(index);
    if (!given.IsObject()) throw Napi::TypeError::New(value.Env(), "an input must be an object");
    const Napi::Object object = given.As<Napi::Object>();
    ort::TensorView& input = inputs[index];
    input.name = object.Get("name").ToString().Utf8Value();
    input.type = ort::ElementTypeOf(object.Get("datatype").ToString().Utf8Value());
    const Napi::Array shape = ArrayOf(object.Get("shape"), "shape");
    for (std::uint32_t axis = 0; axis < shape.Length(); ++axis) {
      input.shape.push_back(shape.Get(axis).ToNumber().Int64Value());
    }
    Napi::Uint8Array data = BytesOf(object.Get("data"), "data");
    input.data = {data.Data(), data.ByteLength()};
  }
  return inputs;
}

Napi::Object OutputOf(Napi::Env env, const ort::OutputTensor& output, Napi::Value data) {
  const std::vector<std::int64_t>& sizes = output.shape();
  Napi::Array shape = Napi::Array::New(env, sizes.size());
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    shape[static_cast<std::uint32_t>(axis)] =
        Napi::Number::New(env, static_cast<double>(sizes[axis]));
  }
  Napi::Object object = Napi::Object::New(env);
  object["datatype"] = Napi::String::New(env, ort::DatatypeOf(output.type()));
  object["shape"] = shape;
  object["data"] = data;
  return object;
}

Napi::Value CopyOf(Napi::Env env, std::span<const std::uint8_t> bytes) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, bytes.size());
  if (!bytes.empty()) std::memcpy(array.Data(), bytes.data(), bytes.size());
  return array;
}

// What `load` calls back with.
Napi::Value LoadedOf(Napi::Env env, SessionHandle session) {
  Napi::Object loaded = Napi::Object::New(env);
  loaded["inputNames"] = ListOf(env, session->input_names());
  loaded["outputNames"] = ListOf(env, session->output_names());
  loaded["session"] = Wrap<SessionHandle>(env, kSessionTag, std::move(session));
  return loaded;
}

Status LoadNow(const std::string& path, std::span<const std::uint8_t> model,
               const ort::SessionOptions& options, SessionHandle* session) {
  try {
    const ort::Library* library = nullptr;
    Status status = ort::Library::Open(path, &library);
    return status.ok() ? ort::Session::Load(*library, model, options, session) : status;
  } catch (const std::bad_alloc&) {
    return NoMemory();
  }
}

class LoadWork : public LaneWork {
 public:
  LoadWork(std::string path, const Napi::Uint8Array& model, ort::SessionOptions options,
           const Napi::Function& callback)
      : path_(std::move(path)),
        model_(Pin(model)),
        options_(options),
        callback_(Napi::Persistent(callback)) {}

  void Run() override {
    {
      const ort::WeightMemory memory;
      status_ = LoadNow(path_, {model_.first, model_.size}, options_, &session_);
    }
    ort::ReturnFreeMemory();
  }

  void Settle(Napi::Env env) override {
    if (status_.ok()) {
      callback_.Call({env.Null(), LoadedOf(env, std::move(session_))});
    } else {
      callback_.Call({MakeError(env, status_)});
    }
  }

 private:
  const std::string path_;
  const Pinned model_;
  const ort::SessionOptions options_;
  const Napi::FunctionReference callback_;
  Status status_;
  SessionHandle session_;
};

class RunWork : public LaneWork {
 public:
  // `info` is [lane, session, inputs, names of outputs, targets, callback].
  RunWork(const Napi::CallbackInfo& info, SessionHandle session)
      : session_(std::move(session)),
        inputs_(InputsOf(info[2])),
        outputs_(TextsOf(info[3], "names of outputs")),
        callback_(Napi::Persistent(info[5].As<Napi::Function>())) {
    const Napi::Array given = info[2].As<Napi::Array>();
    for (std::uint32_t index = 0; index < given.Length(); ++index) {
      memory_.push_back(
          Pin(given.Get(index).As<Napi::Object>().Get("data").As<Napi::Uint8Array>()));
    }
    const Napi::Array targets = ArrayOf(info[4], "targets");
    targets_.resize(outputs_.size());
    for (std::uint32_t index = 0; index < targets.Length() && index < targets_.size(); ++index) {
      const Napi::Value target = targets.Get(index);
      if (!target.IsUndefined()) targets_[index] = Pin(BytesOf(target, "target"));
    }
    ThrowUnlessOk(info.Env(), control_.Open(session_->library()));
  }

  void Run() override {
    const auto started = std::chrono::steady_clock::now();
    try {
      status_ = session_->Run(inputs_, outputs_, &control_, &results_);
    } catch (const std::bad_alloc&) {
      status_ = NoMemory();
    }
    milliseconds_ =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started)
            .count();
    if (!status_.ok()) return;
    for (std::size_t index = 0; index < results_.size(); ++index) {
      const std::span<const std::uint8_t> data = results_[index].data();
      Pinned& target = targets_[index];
      if (target.first == nullptr || target.size != data.size()) continue;
      std::memcpy(target.first, data.data(), data.size());
      is_in_target_.resize(results_.size());
      is_in_target_[index] = true;
    }
  }

  void Terminate() override { control_.Terminate(); }

  void Settle(Napi::Env env) override {
    if (!status_.ok()) {
      callback_.Call({MakeError(env, status_)});
      return;
    }
    Napi::Array list = Napi::Array::New(env, results_.size());
    for (std::size_t index = 0; index < results_.size(); ++index) {
      const ort::OutputTensor& result = results_[index];
      const bool is_placed = index < is_in_target_.size() && is_in_target_[index];
      const Napi::Value data =
          is_placed ? Napi::Value(targets_[index].array.Value()) : CopyOf(env, result.data());
      list[static_cast<std::uint32_t>(index)] = OutputOf(env, result, data);
    }
    results_.clear();
    callback_.Call({env.Null(), list, Napi::Number::New(env, milliseconds_)});
  }

 private:
  const SessionHandle session_;
  const std::vector<ort::TensorView> inputs_;
  const std::vector<std::string> outputs_;
  const Napi::FunctionReference callback_;
  std::vector<Pinned> memory_;
  std::vector<Pinned> targets_;
  ort::RunControl control_;
  Status status_;
  std::vector<ort::OutputTensor> results_;
  std::vector<bool> is_in_target_;
  double milliseconds_ = 0;
};

// Loads the library away from the event loop.
class LibraryWorker : public Napi::AsyncWorker {
 public:
  LibraryWorker(Napi::Env env, std::string path) : Napi::AsyncWorker(env), path_(std::move(path)) {}

 protected:
  void Execute() override {
    const ort::Library* library = nullptr;
    // Whoever loads a model hears of a failure.
    static_cast<void>(ort::Library::Open(path_, &library));
  }

 private:
  const std::string path_;
};

// Frees a session's memory away from the event loop.
class ReleaseWorker : public Napi::AsyncWorker {
 public:
  ReleaseWorker(SessionHandle session, const Napi::Function& callback)
      : Napi::AsyncWorker(callback), session_(std::move(session)) {}

 protected:
  void Execute() override {
    session_.reset();
    ort::ReturnFreeMemory();
  }

 private:
  SessionHandle session_;
};

SessionHandle& SessionOf(const Napi::CallbackInfo& info, std::size_t index) {
  return Unwrap<SessionHandle>(info, index, kSessionTag, "a session");
}

// Throws for one that is released.
const SessionHandle& OpenSessionOf(const Napi::CallbackInfo& info, std::size_t index) {
  const SessionHandle& session = SessionOf(info, index);
  if (session == nullptr) {
    ThrowUnlessOk(info.Env(),
                  Status{StatusCode::kEngineFailed, "ONNX Runtime: the session is released"});
  }
  return session;
}

ort::SessionOptions OptionsOf(const Napi::Value& value) {
  ort::SessionOptions options;
  options.fuses_quantisation = value.ToBoolean();
  return options;
}

// beginLoading(library)
void BeginLoading(const Napi::CallbackInfo& info) {
  // Deletes itself.
  (new LibraryWorker(info.Env(), StringOf(info, 0)))->Queue();
}

// openLane() -> lane
Napi::Value OpenLane(const Napi::CallbackInfo& info) {
  return Wrap<LaneHandle>(info.Env(), kLaneTag, Lane::Create(info.Env()));
}

// closeLane(lane, callback)
void CloseLane(const Napi::CallbackInfo& info) {
  ThrowUnlessOk(info.Env(),
                Unwrap<LaneHandle>(info, 0, kLaneTag, "a lane")->Close(FunctionOf(info, 1)));
}

// terminateLane(lane)
void TerminateLane(const Napi::CallbackInfo& info) {
  Unwrap<LaneHandle>(info, 0, kLaneTag, "a lane")->Terminate();
}

// loadSession(library, model, fusesQuantisation) -> { session, inputNames, outputNames }
Napi::Value LoadSession(const Napi::CallbackInfo& info) {
  const Napi::Uint8Array model = BytesOf(info[1], "argument 2");
  SessionHandle session;
  ThrowUnlessOk(info.Env(), LoadNow(StringOf(info, 0), {model.Data(), model.ByteLength()},
                                    OptionsOf(info[2]), &session));
  return LoadedOf(info.Env(), std::move(session));
}

// loadSessionOn(lane, library, model, fusesQuantisation, callback); nobody may write to the model
// until the callback
void LoadSessionOn(const Napi::CallbackInfo& info) {
  auto work = std::make_unique<LoadWork>(StringOf(info, 1), BytesOf(info[2], "argument 3"),
                                         OptionsOf(info[3]), FunctionOf(info, 4));
  ThrowUnlessOk(info.Env(),
                Unwrap<LaneHandle>(info, 0, kLaneTag, "a lane")->Submit(std::move(work)));
}

// run(session, inputs, names of outputs) -> outputs
Napi::Value Run(const Napi::CallbackInfo& info) {
  const SessionHandle& session = OpenSessionOf(info, 0);
  const std::vector<ort::TensorView> inputs = InputsOf(info[1]);
  const std::vector<std::string> names = TextsOf(info[2], "argument 3");
  std::vector<ort::OutputTensor> results;
  Status status;
  try {
    status = session->Run(inputs, names, nullptr, &results);
  } catch (const std::bad_alloc&) {
    status = NoMemory();
  }
  ThrowUnlessOk(info.Env(), status);
  Napi::Array list = Napi::Array::New(info.Env(), results.size());
  for (std::size_t index = 0; index < results.size(); ++index) {
    list[static_cast<std::uint32_t>(index)] =
        OutputOf(info.Env(), results[index], CopyOf(info.Env(), results[index].data()));
  }
  return list;
}

// runOn(lane, session, inputs, names of outputs, targets, callback): an output of exactly a
// target's length is put there
void RunOn(const Napi::CallbackInfo& info) {
  FunctionOf(info, 5);
  auto work = std::make_unique<RunWork>(info, OpenSessionOf(info, 1));
  ThrowUnlessOk(info.Env(),
                Unwrap<LaneHandle>(info, 0, kLaneTag, "a lane")->Submit(std::move(work)));
}

// releaseSession(session, callback): frees it once its last run is over
void ReleaseSession(const Napi::CallbackInfo& info) {
  const Napi::Function callback = FunctionOf(info, 1);
  // Deletes itself.
  (new ReleaseWorker(std::exchange(SessionOf(info, 0), nullptr), callback))->Queue();
}

}  // namespace

void RegisterOrt(Napi::Env env, Napi::Object exports) {
  exports.Set("beginLoading", Napi::Function::New(env, BeginLoading));
  exports.Set("openLane", Napi::Function::New(env, OpenLane));
  exports.Set("closeLane", Napi::Function::New(env, CloseLane));
  exports.Set("terminateLane", Napi::Function::New(env, TerminateLane));
  exports.Set("loadSession", Napi::Function::New(env, LoadSession));
  exports.Set("loadSessionOn", Napi::Function::New(env, LoadSessionOn));
  exports.Set("run", Napi::Function::New(env, Run));
  exports.Set("runOn", Napi::Function::New(env, RunOn));
  exports.Set("releaseSession", Napi::Function::New(env, ReleaseSession));
}

}  // namespace sluice::addon
