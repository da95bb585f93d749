#include "native/addon/codec.hpp"

#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "native/codec/json_numbers.hpp"

namespace sluice::addon {
namespace {

// A typed array of the kind; null for anything else.
template <class Element>
const Element* ElementsOf(const Napi::Value& value, napi_typedarray_type kind, std::size_t* count) {
  if (!value.IsTypedArray()) return nullptr;
  const auto array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != kind) return nullptr;
  *count = array.ElementLength();
  static constexpr Element kNone[1] = {};
  const auto typed = value.As<Napi::TypedArrayOf<Element>>();
  return *count == 0 ? kNone : typed.Data();
}

Napi::Object ObjectOf(Napi::Env env, const FoundNumbers& found) {
  const JsonNumbers& numbers = found.numbers;
  Napi::Float64Array values = Napi::Float64Array::New(env, numbers.values.size());
  std::memcpy(values.Data(), numbers.values.data(), numbers.values.size() * sizeof(double));
  Napi::Array shape = Napi::Array::New(env, numbers.shape.size());
  for (std::size_t axis = 0; axis < numbers.shape.size(); ++axis) {
    shape[static_cast<std::uint32_t>(axis)] = Napi::Number::New(env, numbers.shape[axis]);
  }
  Napi::Object object = Napi::Object::New(env);
  object["begin"] = Napi::Number::New(env, static_cast<double>(found.begin));
  object["end"] = Napi::Number::New(env, static_cast<double>(found.end));
  object["shape"] = shape;
  object["values"] = values;
  return object;
}

// findInputData(text, least, most) -> [{begin, end, shape, values}]
Napi::Value FindInputDataOf(const Napi::CallbackInfo& info) {
  std::size_t size = 0;
  const auto* bytes =
      info.Length() > 2 ? ElementsOf<std::uint8_t>(info[0], napi_uint8_array, &size) : nullptr;
  if (bytes == nullptr || !info[1].IsNumber() || !info[2].IsNumber()) {
    throw Napi::TypeError::New(info.Env(), "arguments must be a Uint8Array and two numbers");
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto found = FindInputData(text, info[1].As<Napi::Number>().Uint32Value(),
                                   info[2].As<Napi::Number>().Uint32Value());
  Napi::Array list = Napi::Array::New(info.Env(), found.size());
  for (std::size_t index = 0; index < found.size(); ++index) {
    list[static_cast<std::uint32_t>(index)] = ObjectOf(info.Env(), found[index]);
  }
  return list;
}

Napi::Value AsciiOf(Napi::Env env, const std::string& text) {
  napi_value value = nullptr;
  NAPI_THROW_IF_FAILED(env, napi_create_string_latin1(env, text.data(), text.size(), &value),
                       Napi::Value());
  return Napi::Value(env, value);
}

// writeNumbers(Float32Array or Float64Array) -> text
Napi::Value WriteNumbersOf(const Napi::CallbackInfo& info) {
  const Napi::Value value = info.Length() > 0 ? info[0] : info.Env().Undefined();
  std::size_t count = 0;
  if (const auto* floats = ElementsOf<float>(value, napi_float32_array, &count)) {
    return AsciiOf(info.Env(), WriteJsonNumbers(std::span(floats, count)));
  }
  if (const auto* doubles = ElementsOf<double>(value, napi_float64_array, &count)) {
    return AsciiOf(info.Env(), WriteJsonNumbers(std::span(doubles, count)));
  }
  throw Napi::TypeError::New(info.Env(), "argument 1 must be a Float32Array or a Float64Array");
}

}  // namespace

void RegisterCodec(Napi::Env env, Napi::Object exports) {
  exports.Set("findInputData", Napi::Function::New(env, FindInputDataOf));
  exports.Set("writeNumbers", Napi::Function::New(env, WriteNumbersOf));
}

}  // namespace sluice::addon
