// A model that ONNX Runtime has loaded, on the CPU, and runs of it.
#ifndef SLUICE_NATIVE_ORT_SESSION_HPP_
#define SLUICE_NATIVE_ORT_SESSION_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "native/core/status.hpp"
#include "native/ort/api.hpp"
#include "native/ort/library.hpp"

namespace sluice::ort {

// A datatype of the Open Inference Protocol; kUndefined for a name that is none.
ElementType ElementTypeOf(std::string_view datatype);
// Null for a type that is not served.
const char* DatatypeOf(ElementType type);

// An input: bytes that live as long as the run. Elements are row-major, those of BYTES behind their
// lengths.
struct TensorView {
  std::string name;
  ElementType type = ElementType::kUndefined;
  std::vector<std::int64_t> shape;
  std::span<const std::uint8_t> data;
};

// An output, whose bytes are memory of the library until it goes.
class OutputTensor {
 public:
  OutputTensor(const Library* library, ApiValue* value) : library_(library), value_(value) {}
  OutputTensor(OutputTensor&& other) noexcept;
  OutputTensor(const OutputTensor&) = delete;
  OutputTensor& operator=(const OutputTensor&) = delete;
  ~OutputTensor();

  // kModelUnsupported for what is no tensor, or of a datatype that is not served.
  Status Read(const std::string& name);

  ElementType type() const { return type_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  std::span<const std::uint8_t> data() const { return data_; }

 private:
  Status ReadTexts(std::size_t count);

  const Library* library_;
  ApiValue* value_;
  ElementType type_ = ElementType::kUndefined;
  std::vector<std::int64_t> shape_;
  std::span<const std::uint8_t> data_;
  // Of BYTES.
  std::vector<std::uint8_t> texts_;
};

// Ends a run from another thread, between two of its nodes.
class RunControl {
 public:
  RunControl() = default;
  RunControl(const RunControl&) = delete;
  RunControl& operator=(const RunControl&) = delete;
  ~RunControl();

  Status Open(const Library& library);
  void Terminate();
  const ApiRunOptions* options() const { return options_; }

 private:
  const Library* library_ = nullptr;
  ApiRunOptions* options_ = nullptr;
};

struct SessionOptions {
  // Without it DequantizeLinear - Add - QuantizeLinear stays as it is: fused to QLinearAdd it has
  // other bits, and not the same on every processor.
  bool fuses_quantisation = true;
};

// One computing thread, the one that calls. Any number of threads may run it at once: they share
// its weights.
class Session {
 public:
  // kModelInvalid with ONNX Runtime's reason.
  static Status Load(const Library& library, std::span<const std::uint8_t> model,
                     const SessionOptions& options, std::shared_ptr<const Session>* session);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::vector<std::string>& input_names() const { return input_names_; }
  const std::vector<std::string>& output_names() const { return output_names_; }
  const Library& library() const { return library_; }

  // Gives the named outputs. kTensorData for an input whose bytes are not those of its shape,
  // kEngineFailed with ONNX Runtime's reason. `control` may be null.
  Status Run(std::span<const TensorView> inputs, std::span<const std::string> outputs,
             const RunControl* control, std::vector<OutputTensor>* results) const;

 private:
  Session(const Library& library, ApiSession* session) : library_(library), session_(session) {}
  Status ReadNames();

  const Library& library_;
  ApiSession* const session_;
  std::vector<std::string> input_names_;
  std::vector<std::string> output_names_;
};

}  // namespace sluice::ort

#endif  // SLUICE_NATIVE_ORT_SESSION_HPP_
