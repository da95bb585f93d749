// Bytes that pass between JavaScript and a device's thread, without a copy where that is safe.
//
// An ArrayBuffer may be detached and freed, or resized, at any time, and Node-API has no way to
// hold its memory. ONNX Runtime's inputs are read all the same, because who calls keeps them as
// they are (agent/request-memory.ts). A device may hang for minutes and is not waited for, so its
// inputs are copied, unless they lie in memory of this addon, which NewInputs hands out; that
// stays until the run has ended whatever becomes of the ArrayBuffer. Writing to it meanwhile
// changes the answer, and nothing else.
#ifndef SLUICE_NATIVE_ADDON_BUFFERS_HPP_
#define SLUICE_NATIVE_ADDON_BUFFERS_HPP_

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
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

// An ArrayBuffer on memory that `owner` frees, which is taken over; empty where the runtime forbids
// external buffers.
template <class Owner>
Napi::ArrayBuffer TryExternal(Napi::Env env, void* first, std::size_t bytes,
                              std::unique_ptr<Owner>* owner) {
  napi_value buffer = nullptr;
  const auto finalize = [](napi_env, void*, void* hint) { delete static_cast<Owner*>(hint); };
  const napi_status status =
      napi_create_external_arraybuffer(env, first, bytes, finalize, owner->get(), &buffer);
  if (status == napi_no_external_buffers_allowed) return {};
  // Any other failure has freed nothing either.
  NAPI_THROW_IF_FAILED(env, status, Napi::ArrayBuffer());
  owner->release();
  return Napi::ArrayBuffer(env, buffer);
}

// A typed array of the elements: their own memory when it is large, else a copy.
template <class Element>
Napi::TypedArrayOf<Element> HandOver(Napi::Env env, std::vector<Element> elements) {
  using Array = Napi::TypedArrayOf<Element>;
  const std::size_t count = elements.size();
  const std::size_t bytes = count * sizeof(Element);
  auto owner = std::make_unique<std::vector<Element>>(std::move(elements));
  Element* const first = owner->data();
  if (bytes >= kHandedOverBytesMin) {
    const Napi::ArrayBuffer buffer = TryExternal(env, first, bytes, &owner);
    if (!buffer.IsEmpty()) return Array::New(env, count, buffer, 0);
  }
  Array array = Array::New(env, count);
  if (bytes > 0) std::memcpy(array.Data(), first, bytes);
  return array;
}

// A Buffer of the text, in the same way.
Napi::Value HandOver(Napi::Env env, std::string text);

}  // namespace sluice::addon

#endif  // SLUICE_NATIVE_ADDON_BUFFERS_HPP_
