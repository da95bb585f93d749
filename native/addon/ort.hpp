// ONNX Runtime for JavaScript: sessions, and lanes that run them.
#ifndef SLUICE_NATIVE_ADDON_ORT_HPP_
#define SLUICE_NATIVE_ADDON_ORT_HPP_

#include <napi.h>

namespace sluice::addon {

// Adds the functions of ort/onnx-addon.ts.
void RegisterOrt(Napi::Env env, Napi::Object exports);

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_ORT_HPP_
