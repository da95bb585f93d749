// JSON numbers for JavaScript: native/json-numbers.ts is the only caller.
#ifndef SLUICE_NATIVE_ADDON_CODEC_HPP_
#define SLUICE_NATIVE_ADDON_CODEC_HPP_

#include <napi.h>

namespace sluice::addon {

void RegisterCodec(Napi::Env env, Napi::Object exports);

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_CODEC_HPP_
