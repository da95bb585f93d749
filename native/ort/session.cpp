#include "native/ort/session.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

namespace sluice::ort {
namespace {

struct Datatype {
  const char* name;
  ElementType type;
  std::size_t bytes;
};

constexpr std::array kDatatypes{
    Datatype{"BOOL", ElementType::kBool, 1},     Datatype{"UINT8", ElementType::kUint8, 1},
    Datatype{"UINT16", ElementType::kUint16, 2}, Datatype{"UINT32", ElementType::kUint32, 4},
    Datatype{"UINT64", ElementType::kUint64, 8}, Datatype{"INT8", ElementType::kInt8, 1},
    Datatype{"INT16", ElementType::kInt16, 2},   Datatype{"INT32", ElementType::kInt32, 4},
    Datatype{"INT64", ElementType::kInt64, 8},   Datatype{"FP16", ElementType::kFloat16, 2},
    Datatype{"BF16", ElementType::kBfloat16, 2}, Datatype{"FP32", ElementType::kFloat, 4},
    Datatype{"FP64", ElementType::kDouble, 8},   Datatype{"BYTES", ElementType::kString, 1}};

const Datatype* Find(ElementType type) {
  for (const Datatype& datatype : kDatatypes) {
    if (datatype.type == type) return &datatype;
  }
  return nullptr;
}

// Bytes in front of each element of BYTES that say how long it is.
constexpr std::size_t kLengthBytes = 4;
// Each takes the library many times its four bytes.
constexpr std::size_t kTextsMax = std::size_t{4} << 20;

Status TensorData(const std::string& name, const char* reason) {
  return Status{StatusCode::kTensorData, "input \"" + name + "\": " + reason};
}

// Absent when there are more elements than memory has bytes.
std::optional<std::size_t> CountOf(const std::vector<std::int64_t>& shape) {
  std::size_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    const auto factor = static_cast<std::size_t>(size);
    if (factor != 0 && count > std::numeric_limits<std::size_t>::max() / 16 / factor) {
      return std::nullopt;
    }
    count *= factor;
  }
  return count;
}

// The values of a run, released with it.
class Values {
 public:
  explicit Values(const Api& api) : api_(api) {}
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;
  ~Values() {
    for (ApiValue* const value : values_) {
      if (value != nullptr) api_.release_value(value);
    }
  }

  ApiValue** Add() { return &values_.emplace_back(nullptr); }
  void Reserve(std::size_t count) { values_.reserve(count); }
  const ApiValue* const* data() const { return values_.data(); }

 private:
  const Api& api_;
  std::vector<ApiValue*> values_;
};

Status FillTexts(const Library& library, const TensorView& input, std::size_t count,
                 ApiValue* value) {
  std::size_t offset = 0;
  const std::span<const std::uint8_t> data = input.data;
  for (std::size_t index = 0; index < count; ++index) {
    if (data.size() - offset < kLengthBytes) {
      return TensorData(input.name, "fewer BYTES elements than its shape has");
    }
    std::uint32_t length = 0;
    for (std::size_t byte = 0; byte < kLengthBytes; ++byte) {
      length |= static_cast<std::uint32_t>(data[offset + byte]) << (8 * byte);
    }
    offset += kLengthBytes;
    if (data.size() - offset < length) {
      return TensorData(input.name, "a BYTES element ends beyond the data");
    }
    char* text = nullptr;
    Status status = library.Check(library.api().string_element_buffer(value, index, length, &text),
                                  StatusCode::kEngineFailed, "no room for a text");
    if (!status.ok()) return status;
    if (length > 0) std::memcpy(text, data.data() + offset, length);
    offset += length;
  }
  if (offset == data.size()) return Ok();
  return TensorData(input.name, "more BYTES elements than its shape has");
}

Status MakeInput(const Library& library, const TensorView& input, ApiValue** value) {
  const Api& api = library.api();
  const Datatype* const datatype = Find(input.type);
  const std::optional<std::size_t> count = CountOf(input.shape);
  if (datatype == nullptr) return TensorData(input.name, "its datatype is unknown");
  if (!count.has_value()) return TensorData(input.name, "its shape has no size");
  const int type = static_cast<int>(input.type);
  constexpr const char* kWhat = "cannot take an input";
  if (input.type == ElementType::kString) {
    // Before anything is allocated for them.
    if (*count > input.data.size() / kLengthBytes) {
      return TensorData(input.name, "fewer BYTES elements than its shape has");
    }
    if (*count > kTextsMax) {
      return Status{StatusCode::kLimitExceeded,
                    "input \"" + input.name + "\": " + std::to_string(*count) +
                        " BYTES elements, at most " + std::to_string(kTextsMax) + " are taken"};
    }
    Status status = library.Check(
        api.create_tensor(library.allocator(), input.shape.data(), input.shape.size(), type, value),
        StatusCode::kEngineFailed, kWhat);
    return status.ok() ? FillTexts(library, input, *count, *value) : status;
  }
  if (input.data.size() != *count * datatype->bytes) {
    return TensorData(input.name, "its data has another length than its shape says");
  }
  // The library only reads it. An empty one still needs an address.
  static std::uint64_t none = 0;
  void* const data =
      *count == 0 ? &none : const_cast<void*>(static_cast<const void*>(input.data.data()));
  return library.Check(
      api.create_tensor_with_data(library.memory(), data, input.data.size(), input.shape.data(),
                                  input.shape.size(), type, value),
      StatusCode::kEngineFailed, kWhat);
}

}  // namespace

ElementType ElementTypeOf(std::string_view name) {
  for (const Datatype& datatype : kDatatypes) {
    if (name == datatype.name) return datatype.type;
  }
  return ElementType::kUndefined;
}

const char* DatatypeOf(ElementType type) {
  const Datatype* const datatype = Find(type);
  return datatype == nullptr ? nullptr : datatype->name;
}

OutputTensor::OutputTensor(OutputTensor&& other) noexcept
    : library_(other.library_),
      value_(std::exchange(other.value_, nullptr)),
      type_(other.type_),
      shape_(std::move(other.shape_)),
      data_(other.data_),
      texts_(std::move(other.texts_)) {}

OutputTensor::~OutputTensor() {
  if (value_ != nullptr) library_->api().release_value(value_);
}

Status OutputTensor::Read(const std::string& name) {
  const Api& api = library_->api();
  const auto unsupported = [&name](const char* reason) {
    return Status{StatusCode::kModelUnsupported, "graph output \"" + name + "\": " + reason};
  };
  int kind = 0;
  constexpr StatusCode kCode = StatusCode::kEngineFailed;
  constexpr const char* kWhat = "cannot give an output";
  if (value_ == nullptr) return unsupported("it has no value");
  Status status = library_->Check(api.value_type(value_, &kind), kCode, kWhat);
  if (!status.ok()) return status;
  if (kind != kTensorValue) return unsupported("it is no tensor, which cannot be served");
  ApiTensorInfo* info = nullptr;
  status = library_->Check(api.tensor_info(value_, &info), kCode, kWhat);
  if (!status.ok()) return status;
  int type = 0;
  std::size_t rank = 0;
  std::size_t count = 0;
  status = library_->Check(api.element_type(info, &type), kCode, kWhat);
  if (status.ok()) status = library_->Check(api.dimension_count(info, &rank), kCode, kWhat);
  shape_.resize(rank);
  if (status.ok()) {
    status = library_->Check(api.dimensions(info, shape_.data(), rank), kCode, kWhat);
  }
  if (status.ok()) status = library_->Check(api.element_count(info, &count), kCode, kWhat);
  api.release_tensor_info(info);
  if (!status.ok()) return status;
  type_ = static_cast<ElementType>(type);
  const Datatype* const datatype = Find(type_);
  if (datatype == nullptr) {
    return unsupported(("its datatype (" + std::to_string(type) + ") cannot be served").c_str());
  }
  if (type_ == ElementType::kString) return ReadTexts(count);
  void* data = nullptr;
  status = library_->Check(api.tensor_data(value_, &data), kCode, kWhat);
  if (status.ok()) data_ = {static_cast<const std::uint8_t*>(data), count * datatype->bytes};
  return status;
}

Status OutputTensor::ReadTexts(std::size_t count) {
  const Api& api = library_->api();
  constexpr StatusCode kCode = StatusCode::kEngineFailed;
  constexpr const char* kWhat = "cannot give the texts of an output";
  std::size_t total = 0;
  Status status = library_->Check(api.string_data_length(value_, &total), kCode, kWhat);
  if (!status.ok()) return status;
  std::vector<std::size_t> offsets(count);
  std::vector<char> text(total);
  if (count > 0) {
    status = library_->Check(api.string_content(value_, text.data(), total, offsets.data(), count),
                             kCode, kWhat);
    if (!status.ok()) return status;
  }
  texts_.reserve(total + count * kLengthBytes);
  for (std::size_t index = 0; index < count; ++index) {
    const std::size_t end = index + 1 < count ? offsets[index + 1] : total;
    const std::size_t length = end - offsets[index];
    if (length > std::numeric_limits<std::uint32_t>::max()) {
      return Status{kCode, "ONNX Runtime: a text of an output has more than 4 GB"};
    }
    for (std::size_t byte = 0; byte < kLengthBytes; ++byte) {
      texts_.push_back(static_cast<std::uint8_t>(length >> (8 * byte)));
    }
    texts_.insert(texts_.end(), text.begin() + static_cast<std::ptrdiff_t>(offsets[index]),
                  text.begin() + static_cast<std::ptrdiff_t>(end));
  }
  data_ = texts_;
  return Ok();
}

RunControl::~RunControl() {
  if (options_ != nullptr) library_->api().release_run_options(options_);
}

Status RunControl::Open(const Library& library) {
  library_ = &library;
  return library.Check(library.api().create_run_options(&options_), StatusCode::kEngineFailed,
                       "cannot prepare a run");
}

void RunControl::Terminate() {
  if (options_ == nullptr) return;
  static_cast<void>(library_->Check(library_->api().set_terminate(options_),
                                    StatusCode::kEngineFailed, "cannot end a run"));
}

Status Session::Load(const Library& library, std::span<const std::uint8_t> model,
                     const SessionOptions& given, std::shared_ptr<const Session>* session) {
  const Api& api = library.api();
  constexpr StatusCode kCode = StatusCode::kModelInvalid;
  constexpr const char* kWhat = "cannot load the model";
  ApiSessionOptions* options = nullptr;
  Status status = library.Check(api.create_session_options(&options), kCode, kWhat);
  if (!status.ok()) return status;
  // Spinning burns a core between runs for a gain that one thread cannot have.
  const std::pair<const char*, const char*> entries[] = {
      {"session.intra_op.allow_spinning", "0"},
      {"session.inter_op.allow_spinning", "0"},
      {"session.disable_quant_qdq", given.fuses_quantisation ? "0" : "1"}};
  status = library.Check(api.set_intra_op_threads(options, 1), kCode, kWhat);
  if (status.ok()) status = library.Check(api.set_inter_op_threads(options, 1), kCode, kWhat);
  for (const auto& [name, value] : entries) {
    if (status.ok()) {
      status = library.Check(api.add_session_config(options, name, value), kCode, kWhat);
    }
  }
  ApiSession* loaded = nullptr;
  if (status.ok()) {
    status = library.Check(
        api.create_session_from_array(library.env(), model.data(), model.size(), options, &loaded),
        kCode, kWhat);
  }
  api.release_session_options(options);
  if (!status.ok()) return status;
  const std::shared_ptr<Session> owner(new Session(library, loaded));
  status = owner->ReadNames();
  if (status.ok()) *session = owner;
  return status;
}

Session::~Session() { library_.api().release_session(session_); }

Status Session::ReadNames() {
  const Api& api = library_.api();
  const auto read = [&](auto count_of, auto name_of, std::vector<std::string>* names) {
    constexpr StatusCode kCode = StatusCode::kModelInvalid;
    constexpr const char* kWhat = "cannot read the names of the model";
    std::size_t count = 0;
    Status status = library_.Check(count_of(session_, &count), kCode, kWhat);
    for (std::size_t index = 0; status.ok() && index < count; ++index) {
      char* name = nullptr;
      status = library_.Check(name_of(session_, index, library_.allocator(), &name), kCode, kWhat);
      if (!status.ok()) break;
      names->emplace_back(name);
      status = library_.Check(api.allocator_free(library_.allocator(), name), kCode, kWhat);
    }
    return status;
  };
  Status status = read(api.input_count, api.input_name, &input_names_);
  return status.ok() ? read(api.output_count, api.output_name, &output_names_) : status;
}

Status Session::Run(std::span<const TensorView> inputs, std::span<const std::string> outputs,
                    const RunControl* control, std::vector<OutputTensor>* results) const {
  const Api& api = library_.api();
  Values values(api);
  values.Reserve(inputs.size());
  std::vector<const char*> input_names;
  for (const TensorView& input : inputs) {
    Status status = MakeInput(library_, input, values.Add());
    if (!status.ok()) return status;
    input_names.push_back(input.name.c_str());
  }
  std::vector<const char*> output_names;
  for (const std::string& output : outputs) output_names.push_back(output.c_str());
  std::vector<ApiValue*> made(outputs.size(), nullptr);
  Status status = library_.Check(
      api.run(session_, control == nullptr ? nullptr : control->options(), input_names.data(),
              values.data(), inputs.size(), output_names.data(), outputs.size(), made.data()),
      StatusCode::kEngineFailed, "the model does not run on this input");
  results->reserve(made.size());
  for (ApiValue* const value : made) results->emplace_back(&library_, value);
  for (std::size_t index = 0; status.ok() && index < made.size(); ++index) {
    status = (*results)[index].Read(outputs[index]);
  }
  return status;
}

}  // namespace sluice::ort
