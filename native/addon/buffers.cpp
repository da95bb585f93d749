#include "native/addon/buffers.hpp"

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace sluice::addon {
namespace {

class Block;

// Every block there is, by its first byte. Environments on several threads share it, and a thread
// that is left behind may let go of a block at the very end, so it is never destroyed.
class Registry {
 public:
  static Registry& Instance() {
    static Registry* const registry = new Registry();
    return *registry;
  }

  void Add(const std::uint8_t* first, std::weak_ptr<const Block> block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_[first] = std::move(block);
  }

  void Remove(const std::uint8_t* first) {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_.erase(first);
  }

  // The block that holds all of the bytes; null when none does.
  std::shared_ptr<const Block> Find(std::span<const std::uint8_t> bytes);

 private:
  std::mutex mutex_;
  std::map<const std::uint8_t*, std::weak_ptr<const Block>> blocks_;
};

// Memory of zeros.
class Block {
 public:
  explicit Block(std::size_t size)
      : size_(size), first_(static_cast<std::uint8_t*>(std::calloc(size > 0 ? size : 1, 1))) {
    // Pages that nobody has touched cost nothing, which a vector would touch.
    if (first_ == nullptr) throw std::bad_alloc();
  }
  ~Block() {
    // First, so that no other block of the same place is taken out.
    Registry::Instance().Remove(first_);
    std::free(first_);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::uint8_t* first() const { return first_; }
  std::size_t size() const { return size_; }

 private:
  const std::size_t size_;
  std::uint8_t* const first_;
};

std::shared_ptr<const Block> Registry::Find(std::span<const std::uint8_t> bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto after = blocks_.upper_bound(bytes.data());
  if (after == blocks_.begin()) return nullptr;
  std::shared_ptr<const Block> block = std::prev(after)->second.lock();
  if (block == nullptr || bytes.data() + bytes.size() > block->first() + block->size()) {
    return nullptr;
  }
  return block;
}

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
  auto owner = std::make_unique<std::shared_ptr<const Block>>(std::make_shared<const Block>(bytes));
  const std::shared_ptr<const Block> block = *owner;
  const Napi::Value array = TryExternal(env, block->first(), bytes, &owner);
  if (array.IsUndefined()) return Napi::Uint8Array::New(env, bytes);
  Registry::Instance().Add(block->first(), block);
  return array;
}

SharedBytes SharedBytesOf(std::span<const std::uint8_t> bytes) {
  std::shared_ptr<const Block> block = Registry::Instance().Find(bytes);
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
