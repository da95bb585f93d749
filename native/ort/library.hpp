// ONNX Runtime's shared library, once in the process.
#ifndef SLUICE_NATIVE_ORT_LIBRARY_HPP_
#define SLUICE_NATIVE_ORT_LIBRARY_HPP_

#include <string>

#include "native/core/status.hpp"
#include "native/ort/api.hpp"

namespace sluice::ort {

// Stays loaded until the process ends: its threads may run code of it.
class Library {
 public:
  // Loads the file, unless one is loaded already. From any thread. kEngineFailed.
  static Status Open(const std::string& path, const Library** library);

  const Api& api() const { return api_; }
  const ApiEnv* env() const { return env_; }
  const ApiMemoryInfo* memory() const { return memory_; }
  ApiAllocator* allocator() const { return allocator_; }

  // Releases the status, if it is one; `what` begins the reason.
  Status Check(ApiStatus* status, StatusCode code, const char* what) const;

 private:
  explicit Library(const Api& api) : api_(api) {}
  static Status Load(const std::string& path, const Library** library);
  Status Start();

  const Api api_;
  ApiEnv* env_ = nullptr;
  ApiMemoryInfo* memory_ = nullptr;
  ApiAllocator* allocator_ = nullptr;
};

}  // namespace sluice::ort

#endif  // SLUICE_NATIVE_ORT_LIBRARY_HPP_
