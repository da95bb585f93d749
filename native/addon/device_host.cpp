#include "native/addon/device_host.hpp"

#include <utility>

#include "native/addon/buffers.hpp"
#include "native/addon/errors.hpp"
#include "native/addon/handles.hpp"

namespace sluice::addon {
namespace {

Napi::Value CountersOf(Napi::Env env, const Counters& counters) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("instructions", static_cast<double>(counters.instructions));
  object.Set("executeCycles", static_cast<double>(counters.execute_cycles));
  object.Set("multiplyAccumulates", static_cast<double>(counters.multiply_accumulates));
  object.Set("bytesLoaded", static_cast<double>(counters.bytes_loaded));
  object.Set("bytesStored", static_cast<double>(counters.bytes_stored));
  return object;
}

Napi::Value LoadedOf(Napi::Env env, ProgramHandle handle) {
  const Program& program = handle.resident->program();
  const Napi::Object object = Napi::Object::New(env);
  object.Set("inputBytes", static_cast<double>(program.input_bytes));
  object.Set("outputBytes", static_cast<double>(program.output_bytes));
  object.Set("handle", Wrap<ProgramHandle>(env, kProgramTag, std::move(handle)));
  return object;
}

}  // namespace

// What the worker's threads send: one answer, that the load has ended, or that they have.
struct DeviceHost::Message {
  enum class Kind { kCompleted, kLoaded, kClosed };
  Kind kind;
  Completion completion;
  // Of kClosed.
  Status status;
};

std::shared_ptr<DeviceHost> DeviceHost::Create(Napi::Env env, std::unique_ptr<Device> device,
                                               std::chrono::milliseconds grace) {
  const std::shared_ptr<DeviceHost> host(new DeviceHost(env, std::move(device), grace));
  ThrowUnlessOk(env, host->Open());
  return host;
}

DeviceHost::~DeviceHost() { Shutdown(); }

Status DeviceHost::Open() {
  channel_ = Channel::New(env_, "sluice-npu", 0, 1, this);
  channel_.Unref(env_);
  // Hooks run last in, first out: this one joins the thread while the channel still stands.
  end_hook_ = Napi::Env(env_).AddCleanupHook(&DeviceHost::OnEnvironmentEnd, this);
  WorkerEvents events;
  events.completed = [this](Completion completion) {
    Send(std::make_unique<Message>(Message{Message::Kind::kCompleted, std::move(completion), {}}));
  };
  events.loaded = [this] {
    Send(std::make_unique<Message>(Message{Message::Kind::kLoaded, {}, {}}));
  };
  events.closed = [this](Status status) {
    Send(std::make_unique<Message>(Message{Message::Kind::kClosed, {}, std::move(status)}));
  };
  return worker_.Start(std::move(events));
}

void DeviceHost::Send(std::unique_ptr<Message> message) {
  // The queue has no bound of its own: the worker's has. A channel that is closing takes nothing.
  if (channel_.NonBlockingCall(message.get()) == napi_ok) message.release();
}

void DeviceHost::CallJs(Napi::Env env, Napi::Function, DeviceHost* host, Message* message) {
  const std::unique_ptr<Message> owned(message);
  // Without an environment the host may be gone already.
  if (static_cast<napi_env>(env) == nullptr) return;
  switch (owned->kind) {
    case Message::Kind::kCompleted:
      return host->Answer(std::move(owned->completion));
    case Message::Kind::kLoaded:
      return host->Loaded();
    case Message::Kind::kClosed:
      return host->Closed(owned->status);
  }
}

Status DeviceHost::Load(Napi::Uint8Array file, Napi::Function callback) {
  // Pinned before the other thread reads it.
  Loading loading{Pending{Napi::Persistent(callback), shared_from_this()}, Napi::Persistent(file)};
  Status status = worker_.Load({file.Data(), file.ByteLength()});
  if (!status.ok()) return status;
  // The end of the load comes through the event loop, so it cannot overtake this.
  loading_ = std::move(loading);
  UpdateKeepAlive();
  return status;
}

Status DeviceHost::Submit(std::shared_ptr<ResidentProgram> resident, SharedBytes inputs,
                          Napi::Function callback, SubmissionId* id) {
  Status status = worker_.Submit(std::move(resident), std::move(inputs), id);
  if (!status.ok()) return status;
  // The answer comes through the event loop, so it cannot overtake this entry.
  pending_.emplace(*id, Pending{Napi::Persistent(callback), shared_from_this()});
  UpdateKeepAlive();
  return status;
}

void DeviceHost::Cancel(SubmissionId id) {
  const auto entry = pending_.find(id);
  if (entry == pending_.end()) return;
  worker_.Cancel(id);
  const Pending released = std::move(entry->second);
  pending_.erase(entry);
  UpdateKeepAlive();
}

Status DeviceHost::Close(Napi::Function callback) {
  if (shut_down_ || closing_.host != nullptr) {
    return Status{StatusCode::kDeviceClosed, "NPU: the device is closed"};
  }
  closing_ = Pending{Napi::Persistent(callback), shared_from_this()};
  UpdateKeepAlive();
  worker_.Close();
  return Ok();
}

void DeviceHost::Answer(Completion completion) {
  const auto entry = pending_.find(completion.id);
  if (entry == pending_.end()) return;
  const Pending answered = std::move(entry->second);
  pending_.erase(entry);
  UpdateKeepAlive();
  if (completion.status.ok()) {
    answered.callback.Call({Napi::Env(env_).Null(), HandOver(env_, std::move(completion.outputs)),
                            CountersOf(env_, completion.counters)});
  } else {
    answered.callback.Call({MakeError(env_, completion.status)});
  }
}

void DeviceHost::Loaded() {
  const Loading loaded = std::exchange(loading_, Loading{});
  if (loaded.pending.host == nullptr) return;
  UpdateKeepAlive();
  std::shared_ptr<ResidentProgram> resident;
  const Status status = worker_.TakeLoaded(&resident);
  if (status.ok()) {
    loaded.pending.callback.Call(
        {Napi::Env(env_).Null(), LoadedOf(env_, ProgramHandle{loaded.pending.host, resident,
                                                              resident->program().input_bytes})});
  } else {
    loaded.pending.callback.Call({MakeError(env_, status)});
  }
}

void DeviceHost::Closed(const Status& status) {
  const Pending closed = std::exchange(closing_, Pending{});
  Shutdown();
  if (closed.callback.IsEmpty()) return;
  closed.callback.Call({status.ok() ? Napi::Env(env_).Null() : MakeError(env_, status)});
}

void DeviceHost::OnEnvironmentEnd(DeviceHost* host) {
  // Clearing what is pending may drop the last reference to the host.
  const std::shared_ptr<DeviceHost> held = host->shared_from_this();
  host->end_hook_ = EndHook();
  host->Shutdown();
}

void DeviceHost::Shutdown() {
  if (shut_down_) return;
  shut_down_ = true;
  worker_.Close();
  worker_.Join();
  if (!end_hook_.IsEmpty()) end_hook_.Remove(env_);
  channel_.Abort();
  pending_.clear();
  loading_ = Loading{};
  closing_ = Pending{};
}

void DeviceHost::UpdateKeepAlive() {
  const bool keep =
      !pending_.empty() || loading_.pending.host != nullptr || closing_.host != nullptr;
  if (keep == kept_alive_ || shut_down_) return;
  kept_alive_ = keep;
  if (keep) {
    channel_.Ref(env_);
  } else {
    channel_.Unref(env_);
  }
}

}  // namespace sluice::addon
