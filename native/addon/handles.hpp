// What JavaScript holds instead of pointers: externals with a type tag.
#ifndef SLUICE_NATIVE_ADDON_HANDLES_HPP_
#define SLUICE_NATIVE_ADDON_HANDLES_HPP_

#include <napi.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "native/addon/device_host.hpp"

namespace sluice::addon {

constexpr napi_type_tag kDeviceTag{0x9a1f4e63c20b47d5, 0x8b57e0d9164c32a1};
constexpr napi_type_tag kProgramTag{0x3c6d9b20f7e8415a, 0xa4d2187f5be90c36};

// What the handles stand for. Both keep the device alive.
using DeviceHandle = std::shared_ptr<DeviceHost>;
struct ProgramHandle {
  DeviceHandle device;
  // Null once it has been unloaded.
  std::shared_ptr<ResidentProgram> resident;
  std::size_t input_bytes;
};

template <class Handle>
Napi::Value Wrap(Napi::Env env, const napi_type_tag& tag, Handle handle) {
  const auto external = Napi::External<Handle>::New(env, new Handle(std::move(handle)),
                                                    [](Napi::Env, Handle* owned) { delete owned; });
  external.TypeTag(&tag);
  return external;
}

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_HANDLES_HPP_
