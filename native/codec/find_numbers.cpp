#include <array>
#include <utility>

#include "native/codec/json_numbers.hpp"

namespace sluice {
namespace {

// Follows a JSON text by its brackets and strings, and knows where the arrays of a request stand.
template <class Number>
class RequestScanner {
 public:
  RequestScanner(std::string_view text, RequestForm form, std::size_t least, std::size_t most)
      : text_(text), form_(form), least_(least), most_(most) {}

  std::vector<FoundNumbers<Number>> Scan() {
    while (at_ < text_.size() && found_.size() < most_) Step();
    return std::move(found_);
  }

 private:
  // The depths of a request that matter: its object, the list or object in it, an object in that.
  static constexpr std::size_t kRequest = 1;
  static constexpr std::size_t kInputs = 2;
  static constexpr std::size_t kInput = 3;

  void Step() {
    switch (text_[at_]) {
      case '"':
        ReadString();
        return;
      case '{':
        Enter(true);
        return;
      case '[':
        // An array where a name belongs is no JSON, and must stay as it is.
        if (IsInObject() && !expects_key_ && IsTensor()) {
          ReadData();
        } else {
          Enter(false);
        }
        return;
      case '}':
      case ']':
        Leave();
        return;
      case ',':
        expects_key_ = IsInObject();
        break;
      default:
        break;
    }
    ++at_;
  }

  bool IsInObject() const { return depth_ >= kRequest && depth_ <= kInput && is_object_[depth_]; }

  // Whether a value at this place may be a tensor's.
  bool IsTensor() const {
    switch (form_) {
      case RequestForm::kInfer:
        return depth_ == kInput && in_inputs_ && !is_object_[kInputs] && key_ == "data";
      case RequestForm::kScore:
        return depth_ == kRequest;
      case RequestForm::kPredict:
        return depth_ == kRequest ? key_ == "instances" || key_ == "inputs"
                                  : depth_ == kInputs && in_inputs_;
    }
    return false;
  }

  void Enter(bool is_object) {
    if (depth_ == kRequest) in_inputs_ = is_object_[kRequest] && key_ == "inputs";
    ++at_;
    ++depth_;
    if (depth_ <= kInput) is_object_[depth_] = is_object;
    expects_key_ = IsInObject();
    key_ = {};
  }

  void Leave() {
    ++at_;
    if (depth_ > 0) --depth_;
    if (depth_ <= kRequest) in_inputs_ = false;
    expects_key_ = false;
  }

  void ReadString() {
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) {
      at_ = text_.size();
      return;
    }
    // A key that is written with escapes is not recognised, which only leaves its value as it is.
    if (expects_key_) key_ = text_.substr(begin, at_ - begin);
    expects_key_ = false;
    ++at_;
  }

  void ReadData() {
    std::size_t end = at_;
    numbers_.values.clear();
    numbers_.shape.clear();
    if (ReadJsonNumbers(text_, &end, &numbers_) && numbers_.values.size() >= least_) {
      found_.push_back({at_, end, Taken()});
      at_ = end;
      return;
    }
    Enter(false);
  }

  // The numbers that were read: their memory, or a copy of what takes little of it.
  JsonNumbers<Number> Taken() {
    if (numbers_.values.size() < numbers_.values.capacity() / 2) return numbers_;
    return std::exchange(numbers_, {});
  }

  const std::string_view text_;
  const RequestForm form_;
  const std::size_t least_;
  const std::size_t most_;
  std::vector<FoundNumbers<Number>> found_;
  // Kept from array to array: a text may have a million short ones.
  JsonNumbers<Number> numbers_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  // What the brackets at each depth are.
  std::array<bool, kInput + 1> is_object_{};
  bool in_inputs_ = false;
  bool expects_key_ = false;
  std::string_view key_;
};

}  // namespace

template <class Number>
std::vector<FoundNumbers<Number>> FindNumbers(std::string_view text, RequestForm form,
                                              std::size_t least, std::size_t most) {
  return RequestScanner<Number>(text, form, least, most).Scan();
}

template std::vector<FoundNumbers<float>> FindNumbers(std::string_view, RequestForm, std::size_t,
                                                      std::size_t);
template std::vector<FoundNumbers<double>> FindNumbers(std::string_view, RequestForm, std::size_t,
                                                       std::size_t);

}  // namespace sluice
