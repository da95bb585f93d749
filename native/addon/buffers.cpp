#include "native/addon/buffers.hpp"

#include <memory>
#include <utility>

#include "native/core/shared_blocks.hpp"

namespace sluice::addon {
Napi::Value NewInputs(Napi::Env env, std::size_t bytes) {
  const auto block = std::make_shared<const SharedBlock>(bytes);
  auto owner = std::make_unique<std::shared_ptr<const SharedBlock>>(block);
  const Napi::ArrayBuffer buffer = TryExternal(env, block->first(), bytes, &owner);
  if (buffer.IsEmpty()) return Napi::Uint8Array::New(env, bytes);
  ShareBlock(block);
  return Napi::Uint8Array::New(env, bytes, buffer, 0);
}

SharedBytes SharedBytesOf(std::span<const std::uint8_t> bytes) {
  std::shared_ptr<const SharedBlock> block = FindSharedBlock(bytes);
  if (block != nullptr) return SharedBytes(std::move(block), bytes);
  return SharedBytes(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
}

Napi::Value HandOver(Napi::Env env, std::string text) {
  if (text.size() < kHandedOverBytesMin) {
    return Napi::Buffer<char>::Copy(env, text.data(), text.size());
  }
  auto* const owner = new std::string(std::move(text));
  return Napi::Buffer<char>::NewOrCopy(
      env, owner->data(), owner->size(),
      [](Napi::BasicEnv, char*, std::string* owned) { delete owned; }, owner);
}

}  // namespace sluice::addon
