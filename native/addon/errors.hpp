// Status to the SluiceError class that TypeScript hands over once per environment.
#ifndef SLUICE_NATIVE_ADDON_ERRORS_HPP_
#define SLUICE_NATIVE_ADDON_ERRORS_HPP_

#include <napi.h>

#include "native/core/status.hpp"

namespace sluice::addon {

// What one environment (main thread or worker thread) keeps.
struct AddonData {
  Napi::FunctionReference error_class;
};

// A new SluiceError. `initialise` must have run in this environment.
Napi::Value MakeError(Napi::Env env, const Status& status);

// Throws the status as a SluiceError when it is not ok.
void ThrowUnlessOk(Napi::Env env, const Status& status);

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_ERRORS_HPP_
