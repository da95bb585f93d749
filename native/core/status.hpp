// The outcome of an operation: a code of contract/errors.ts and the reason in one line.
#ifndef SLUICE_NATIVE_CORE_STATUS_HPP_
#define SLUICE_NATIVE_CORE_STATUS_HPP_

#include <string>
#include <utility>

namespace sluice {

enum class StatusCode {
  kOk,
  kProgramInvalid,
  kProgramHardwareMismatch,
  kDeviceUnavailable,
  kDeviceClosed,
  kDeviceFault,
  kQueueFull,
  kLimitExceeded,
  kTensorData,
  kCancelled,
  kEngineFailed,
  kModelInvalid,
  kModelUnsupported,
};

// The code's name in contract/errors.ts.
constexpr const char* CodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kProgramInvalid:
      return "program_invalid";
    case StatusCode::kProgramHardwareMismatch:
      return "program_hardware_mismatch";
    case StatusCode::kDeviceUnavailable:
      return "device_unavailable";
    case StatusCode::kDeviceClosed:
      return "device_closed";
    case StatusCode::kDeviceFault:
      return "device_fault";
    case StatusCode::kQueueFull:
      return "queue_full";
    case StatusCode::kLimitExceeded:
      return "limit_exceeded";
    case StatusCode::kTensorData:
      return "tensor_data";
    case StatusCode::kCancelled:
      return "cancelled";
    case StatusCode::kEngineFailed:
      return "engine_failed";
    case StatusCode::kModelInvalid:
      return "model_invalid";
    case StatusCode::kModelUnsupported:
      return "model_unsupported";
  }
  return "internal";
}

struct [[nodiscard]] Status {
  StatusCode code = StatusCode::kOk;
  std::string reason;

  bool ok() const { return code == StatusCode::kOk; }
};

inline Status Ok() { return Status{}; }

inline Status ProgramInvalid(std::string reason) {
  return Status{StatusCode::kProgramInvalid, "NPU program: " + std::move(reason)};
}

inline Status LoadingStopped() {
  return Status{StatusCode::kCancelled, "NPU program: loading was stopped"};
}

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_STATUS_HPP_
