#include "native/ort/library.hpp"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <memory>
#include <mutex>

namespace sluice::ort {
namespace {

// Bytes of a reason that are passed on.
constexpr std::size_t kReasonMax = 400;

// The library's reasons have several lines.
std::string OneLine(const char* text) {
  std::string line;
  bool is_gap = false;
  for (; *text != '\0'; ++text) {
    const bool is_space = *text == ' ' || (*text >= '\t' && *text <= '\r');
    if (!is_space) {
      if (is_gap && !line.empty()) line += ' ';
      line += *text;
    }
    is_gap = is_space;
  }
  if (line.size() <= kReasonMax) return line;
  std::size_t end = kReasonMax;
  // Not within a character.
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  line.resize(end);
  return line;
}

using GetApiBase = const ApiBase*(SLUICE_ORT_CALL*)();

// Null with the reason when it cannot be loaded.
GetApiBase LoadEntry(const std::string& path, std::string* reason) {
#ifdef _WIN32
  const HMODULE module = LoadLibraryA(path.c_str());
  if (module == nullptr) {
    *reason = "error " + std::to_string(GetLastError());
    return nullptr;
  }
  const auto entry = reinterpret_cast<GetApiBase>(GetProcAddress(module, "OrtGetApiBase"));
#else
  void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    *reason = dlerror();
    return nullptr;
  }
  const auto entry = reinterpret_cast<GetApiBase>(dlsym(module, "OrtGetApiBase"));
#endif
  if (entry == nullptr) *reason = "it has no OrtGetApiBase";
  return entry;
}

}  // namespace

Status Library::Open(const std::string& path, const Library** library) {
  static std::mutex mutex;
  static const Library* loaded = nullptr;
  const std::lock_guard lock(mutex);
  if (loaded == nullptr) {
    Status status = Load(path, &loaded);
    if (!status.ok()) return status;
  }
  *library = loaded;
  return Ok();
}

Status Library::Load(const std::string& path, const Library** library) {
  std::string reason;
  const GetApiBase entry = LoadEntry(path, &reason);
  const ApiBase* const base = entry == nullptr ? nullptr : entry();
  const void* const* const table = base == nullptr ? nullptr : base->get_api(kApiVersion);
  if (table == nullptr) {
    if (reason.empty()) reason = "it has not the C API of version " + std::to_string(kApiVersion);
    return Status{StatusCode::kEngineFailed,
                  "ONNX Runtime: " + path + " cannot be loaded (" + OneLine(reason.c_str()) + ")"};
  }
  std::unique_ptr<Library> started(new Library(Api(table)));
  Status status = started->Start();
  if (status.ok()) *library = started.release();
  return status;
}

Status Library::Start() {
  constexpr StatusCode kCode = StatusCode::kEngineFailed;
  constexpr const char* kWhat = "cannot start";
  Status status = Check(api_.create_env(kLogFatal, "sluice", &env_), kCode, kWhat);
  // Besides the variable in the environment (ort/disable-telemetry.ts), which comes first.
  if (status.ok()) status = Check(api_.disable_telemetry(env_), kCode, kWhat);
  if (status.ok()) {
    status = Check(api_.create_cpu_memory_info(kDeviceAllocator, kDefaultMemory, &memory_), kCode,
                   kWhat);
  }
  if (status.ok()) status = Check(api_.default_allocator(&allocator_), kCode, kWhat);
  return status;
}

Status Library::Check(ApiStatus* status, StatusCode code, const char* what) const {
  if (status == nullptr) return Ok();
  Status failed{code, std::string("ONNX Runtime: ") + what + " (" +
                          OneLine(api_.get_error_message(status)) + ")"};
  api_.release_status(status);
  return failed;
}

}  // namespace sluice::ort
