// Arguments of functions that JavaScript calls; a wrong one throws a TypeError.
#ifndef SLUICE_NATIVE_ADDON_ARGUMENTS_HPP_
#define SLUICE_NATIVE_ADDON_ARGUMENTS_HPP_

#include <napi.h>

#include <cstddef>
#include <string>

namespace sluice::addon {

inline std::string ArgumentName(std::size_t index) {
  return "argument " + std::to_string(index + 1);
}

// What a handle stands for.
template <class Handle>
Handle& Unwrap(const Napi::CallbackInfo& info, std::size_t index, const napi_type_tag& tag,
               const char* what) {
  if (info.Length() > index && info[index].IsExternal()) {
    const auto external = info[index].As<Napi::External<Handle>>();
    if (external.CheckTypeTag(&tag)) return *external.Data();
  }
  throw Napi::TypeError::New(info.Env(), ArgumentName(index) + " must be " + what);
}

inline Napi::Function FunctionOf(const Napi::CallbackInfo& info, std::size_t index) {
  if (info.Length() > index && info[index].IsFunction()) return info[index].As<Napi::Function>();
  throw Napi::TypeError::New(info.Env(), ArgumentName(index) + " must be a function");
}

inline std::string StringOf(const Napi::CallbackInfo& info, std::size_t index) {
  if (info.Length() > index && info[index].IsString()) {
    return info[index].As<Napi::String>().Utf8Value();
  }
  throw Napi::TypeError::New(info.Env(), ArgumentName(index) + " must be a string");
}

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_ARGUMENTS_HPP_
