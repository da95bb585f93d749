// Bytes that pass between JavaScript and a device's thread, without a copy where that is safe.
//
// Memory of JavaScript is never read by another thread while a run lasts: an ArrayBuffer may be
// detached and freed, or resized, at any time, and Node-API has no way to hold its memory. So
// inputs are copied, unless they lie in memory of this addon, which NewInputs hands out; that
// stays until the run has ended whatever becomes of the ArrayBuffer. Writing to it meanwhile
// changes the answer, and nothing else.
#ifndef SLUICE_NATIVE_ADDON_BUFFERS_HPP_
#define SLUICE_NATIVE_ADDON_BUFFERS_HPP_

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "native/core/shared_bytes.hpp"

namespace sluice::addon {

// Below this a copy takes some microseconds at most, and the collector has one finalizer less.
constexpr std::size_t kHandedOverBytesMin = 64 * 1024;

// A Uint8Array of zeros whose memory SharedBytesOf need not copy; ordinary memory where the runtime
// forbids external buffers.
Napi::Value NewInputs(Napi::Env env, std::size_t bytes);

// The bytes of a Uint8Array, to be read on any thread: shared when they lie in what NewInputs gave,
// else copied.
SharedBytes SharedBytesOf(std::span<const std::uint8_t> bytes);

// A Uint8Array of the outputs: their own memory when they are large, else a copy.
Napi::Value NewOutputs(Napi::Env env, std::vector<std::uint8_t> outputs);

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_BUFFERS_HPP_
