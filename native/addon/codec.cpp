#include "native/addon/codec.hpp"

#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "native/addon/buffers.hpp"
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

template <class Number>
Napi::Object ObjectOf(Napi::Env env, FoundNumbers<Number> found) {
  JsonNumbers<Number>& numbers = found.numbers;
  Napi::Array shape = Napi::Array::New(env, numbers.shape.size());
  for (std::size_t axis = 0; axis < numbers.shape.size(); ++axis) {
    shape[static_cast<std::uint32_t>(axis)] = Napi::Number::New(env, numbers.shape[axis]);
  }
  Napi::Object object = Napi::Object::New(env);
  object["begin"] = Napi::Number::New(env, static_cast<double>(found.begin));
  object["end"] = Napi::Number::New(env, static_cast<double>(found.end));
  object["shape"] = shape;
  object["values"] = HandOver(env, std::move(numbers.values));
  return object;
}

// detach(buffer): its memory is freed; every view of it is empty.
void Detach(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsArrayBuffer()) {
    throw Napi::TypeError::New(info.Env(), "argument 1 must be an ArrayBuffer");
  }
  auto buffer = info[0].As<Napi::ArrayBuffer>();
  if (!buffer.IsDetached()) buffer.Detach();
}

// Work on memory that JavaScript owns, which stays as it is until the result is taken.
class Task {
 public:
  virtual ~Task() = default;
  // On any thread.
  virtual void Run() = 0;
  // On the environment's thread, once.
  virtual Napi::Value Result(Napi::Env env) = 0;
};

std::optional<RequestForm> FormOf(const Napi::Value& value) {
  if (!value.IsString()) return std::nullopt;
  const std::string name = value.As<Napi::String>();
  if (name == "infer") return RequestForm::kInfer;
  if (name == "score") return RequestForm::kScore;
  if (name == "predict") return RequestForm::kPredict;
  return std::nullopt;
}

class FindTask : public Task {
 public:
  // `info` is [text, form, least, most, whether floats are enough].
  explicit FindTask(const Napi::CallbackInfo& info) {
    std::size_t size = 0;
    const auto* bytes =
        info.Length() > 4 ? ElementsOf<std::uint8_t>(info[0], napi_uint8_array, &size) : nullptr;
    const std::optional<RequestForm> form = FormOf(info[1]);
    if (bytes == nullptr || !form.has_value() || !info[2].IsNumber() || !info[3].IsNumber() ||
        !info[4].IsBoolean()) {
      throw Napi::TypeError::New(
          info.Env(), "arguments must be a Uint8Array, a form, two numbers and a boolean");
    }
    text_ = {reinterpret_cast<const char*>(bytes), size};
    form_ = *form;
    least_ = info[2].As<Napi::Number>().Uint32Value();
    most_ = info[3].As<Napi::Number>().Uint32Value();
    if (info[4].As<Napi::Boolean>()) found_ = std::vector<FoundNumbers<float>>();
  }

  void Run() override {
    std::visit([this](auto& found) { Find(&found); }, found_);
  }

  Napi::Value Result(Napi::Env env) override {
    return std::visit(
        [env](auto& found) -> Napi::Value {
          Napi::Array list = Napi::Array::New(env, found.size());
          for (std::size_t index = 0; index < found.size(); ++index) {
            list[static_cast<std::uint32_t>(index)] = ObjectOf(env, std::move(found[index]));
          }
          return list;
        },
        found_);
  }

 private:
  template <class Number>
  void Find(std::vector<FoundNumbers<Number>>* found) {
    *found = FindNumbers<Number>(text_, form_, least_, most_);
  }

  std::string_view text_;
  RequestForm form_ = RequestForm::kInfer;
  std::size_t least_ = 0;
  std::size_t most_ = 0;
  std::variant<std::vector<FoundNumbers<double>>, std::vector<FoundNumbers<float>>> found_;
};

// Numbers to write, and the shape of their arrays.
template <class Number>
struct ShapedNumbers {
  std::span<const Number> values;
  std::vector<std::uint32_t> shape;
};

// Of {values, shape}; nothing for anything else, and where the shape is not that of so many values.
template <class Number>
std::optional<ShapedNumbers<Number>> ShapedOf(const Napi::Object& object,
                                              napi_typedarray_type kind) {
  ShapedNumbers<Number> shaped;
  // More than any typed array has, and far from an overflow.
  constexpr std::size_t kValuesMax = std::size_t{1} << 48;
  std::size_t count = 0;
  const Napi::Value shape = object["shape"];
  const auto* first = ElementsOf<Number>(object["values"], kind, &count);
  if (first == nullptr || !shape.IsArray()) return std::nullopt;
  shaped.values = std::span(first, count);
  const auto list = shape.As<Napi::Array>();
  std::size_t product = 1;
  for (std::uint32_t axis = 0; axis < list.Length(); ++axis) {
    const Napi::Value size = list[axis];
    if (!size.IsNumber()) return std::nullopt;
    const double exact = size.As<Napi::Number>().DoubleValue();
    const std::uint32_t own = size.As<Napi::Number>().Uint32Value();
    if (exact != static_cast<double>(own)) return std::nullopt;
    if (own > 0 && product > kValuesMax / own) return std::nullopt;
    product *= own;
    shaped.shape.push_back(own);
  }
  if (shaped.shape.empty() || product != count) return std::nullopt;
  return shaped;
}

class WriteTask : public Task {
 public:
  // `info` is [list of texts and numbers with their shape].
  explicit WriteTask(const Napi::CallbackInfo& info) {
    if (info.Length() < 1 || !info[0].IsArray()) {
      throw Napi::TypeError::New(info.Env(), "argument 1 must be an array");
    }
    const auto list = info[0].As<Napi::Array>();
    for (std::uint32_t index = 0; index < list.Length(); ++index) {
      const Napi::Value value = list[index];
      if (value.IsString()) {
        parts_.emplace_back(value.As<Napi::String>().Utf8Value());
      } else if (!value.IsObject() || !Take(value.As<Napi::Object>())) {
        throw Napi::TypeError::New(info.Env(),
                                   "parts must be texts, or floats with the shape of their arrays");
      }
    }
  }

  void Run() override {
    text_.reserve(CharsExpected());
    for (const Part& part : parts_) {
      std::visit([this](const auto& own) { Append(own); }, part);
    }
  }

  Napi::Value Result(Napi::Env env) override { return HandOver(env, std::move(text_)); }

 private:
  using Part = std::variant<std::string, ShapedNumbers<float>, ShapedNumbers<double>>;

  bool Take(const Napi::Object& object) {
    if (auto floats = ShapedOf<float>(object, napi_float32_array)) {
      parts_.emplace_back(*std::move(floats));
    } else if (auto doubles = ShapedOf<double>(object, napi_float64_array)) {
      parts_.emplace_back(*std::move(doubles));
    } else {
      return false;
    }
    return true;
  }

  void Append(const std::string& text) { text_ += text; }

  template <class Number>
  void Append(const ShapedNumbers<Number>& numbers) {
    AppendJsonNumbers<Number>(numbers.values, numbers.shape, &text_);
  }

  // About so many: growing a text of megabytes copies it over and over.
  std::size_t CharsExpected() const {
    constexpr std::size_t kFloatChars = 12;
    constexpr std::size_t kDoubleChars = 20;
    std::size_t chars = 0;
    for (const Part& part : parts_) {
      if (const auto* text = std::get_if<std::string>(&part)) {
        chars += text->size();
      } else if (const auto* floats = std::get_if<ShapedNumbers<float>>(&part)) {
        chars += floats->values.size() * kFloatChars;
      } else {
        chars += std::get<ShapedNumbers<double>>(part).values.size() * kDoubleChars;
      }
    }
    return chars;
  }

  std::vector<Part> parts_;
  std::string text_;
};

// Does a task away from the event loop, then calls back with (error, result).
class TaskWorker : public Napi::AsyncWorker {
 public:
  TaskWorker(std::unique_ptr<Task> task, const Napi::Value& memory, const Napi::Function& callback)
      : Napi::AsyncWorker(callback), task_(std::move(task)) {
    // The memory that the task reads lives as long as this.
    Receiver().Set("memory", memory);
  }

 protected:
  void Execute() override {
    try {
      task_->Run();
    } catch (const std::bad_alloc&) {
      SetError("no memory for the numbers of a JSON text");
    }
  }

  std::vector<napi_value> GetResult(Napi::Env env) override {
    return {env.Null(), task_->Result(env)};
  }

 private:
  const std::unique_ptr<Task> task_;
};

// f(…): the result, at once.
template <class Kind>
Napi::Value RunNow(const Napi::CallbackInfo& info) {
  Kind task(info);
  task.Run();
  return task.Result(info.Env());
}

// f(…, callback): the result later; the first argument holds the memory.
template <class Kind>
void RunLater(const Napi::CallbackInfo& info) {
  auto task = std::make_unique<Kind>(info);
  const Napi::Value callback = info[info.Length() - 1];
  if (!callback.IsFunction()) {
    throw Napi::TypeError::New(info.Env(), "the last argument must be a function");
  }
  // Deletes itself.
  (new TaskWorker(std::move(task), info[0], callback.As<Napi::Function>()))->Queue();
}

}  // namespace

void RegisterCodec(Napi::Env env, Napi::Object exports) {
  exports.Set("detach", Napi::Function::New(env, Detach));
  exports.Set("findNumbers", Napi::Function::New(env, RunNow<FindTask>));
  exports.Set("findNumbersLater", Napi::Function::New(env, RunLater<FindTask>));
  exports.Set("writeJson", Napi::Function::New(env, RunNow<WriteTask>));
  exports.Set("writeJsonLater", Napi::Function::New(env, RunLater<WriteTask>));
}

}  // namespace sluice::addon
