#include "native/addon/buffers.hpp"

#include <cstring>
#include <memory>
#include <utility>

#include "native/core/shared_blocks.hpp"

namespace sluice::addon {
namespace {

// A Uint8Array on memory that `owner` frees; undefined where the runtime forbids external buffers.
template <class Owner>
Napi::Value TryExternal(Napi::Env env, std::uint8_t* first, std::size_t size,
                        std::unique_ptr<Owner>* owner) {
  napi_value buffer = nullptr;
  const auto finalize = [](napi_env, void*, void* hint) { delete static_cast<Owner*>(hint); };
  const napi_status status =
      napi_create_external_arraybuffer(env, first, size, finalize, owner->get(), &buffer);
  if (status == napi_no_external_buffers_allowed) return env.Undefined();
  // Any other failure has freed nothing either.
  NAPI_THROW_IF_FAILED(env, status, Napi::Value());
  owner->release();
  return Napi::Uint8Array::New(env, size, Napi::ArrayBuffer(env, buffer), 0);
}

Napi::Value CopyOf(Napi::Env env, const std::vector<std::uint8_t>& bytes) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, bytes.size());
  if (!bytes.empty()) std::memcpy(array.Data(), bytes.data(), bytes.size());
  return array;
}

}  // namespace

Napi::Value NewInputs(Napi::Env env, std::size_t bytes) {
  const auto block = std::make_shared<const SharedBlock>(bytes);
  auto owner = std::make_unique<std::shared_ptr<const SharedBlock>>(block);
  const Napi::Value array = TryExternal(env, block->first(), bytes, &owner);
  if (array.IsUndefined()) return Napi::Uint8Array::New(env, bytes);
  ShareBlock(block);
  return array;
}

SharedBytes SharedBytesOf(std::span<const std::uint8_t> bytes) {
  std::shared_ptr<const SharedBlock> block = FindSharedBlock(bytes);
  if (block != nullptr) return SharedBytes(std::move(block), bytes);
  return SharedBytes(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
}

Napi::Value NewOutputs(Napi::Env env, std::vector<std::uint8_t> outputs) {
  if (outputs.size() < kHandedOverBytesMin) return CopyOf(env, outputs);
  auto owner = std::make_unique<std::vector<std::uint8_t>>(std::move(outputs));
  std::uint8_t* const first = owner->data();
  const std::size_t size = owner->size();
  const Napi::Value array = TryExternal(env, first, size, &owner);
  return array.IsUndefined() ? CopyOf(env, *owner) : array;
}

}  // namespace sluice::addon
