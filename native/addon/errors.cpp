#include "native/addon/errors.hpp"

namespace sluice::addon {

Napi::Value MakeError(Napi::Env env, const Status& status) {
  const AddonData* data = env.GetInstanceData<AddonData>();
  if (data == nullptr || data->error_class.IsEmpty()) {
    throw Napi::TypeError::New(env, "initialise() comes first");
  }
  return data->error_class.New(
      {Napi::String::New(env, CodeName(status.code)), Napi::String::New(env, status.reason)});
}

void ThrowUnlessOk(Napi::Env env, const Status& status) {
  if (status.ok()) return;
  throw Napi::Error(env, MakeError(env, status));
}

}  // namespace sluice::addon
