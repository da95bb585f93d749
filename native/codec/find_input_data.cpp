#include <array>
#include <utility>

#include "native/codec/json_numbers.hpp"

namespace sluice {
namespace {

// Follows a JSON text by its brackets and strings, and knows where "inputs" and their "data" are.
template <class Number>
class RequestScanner {
 public:
  RequestScanner(std::string_view text, std::size_t least, std::size_t most)
      : text_(text), least_(least), most_(most) {}

  std::vector<FoundNumbers<Number>> Scan() {
    while (at_ < text_.size() && found_.size() < most_) Step();
    return std::move(found_);
  }

 private:
  // The places of a request that matter: its object, the list in it, an object in that.
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
        if (IsInObject() && depth_ == kInput && in_inputs_ && key_ == "data") {
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

  void Enter(bool is_object) {
    if (depth_ == kRequest) in_inputs_ = is_object_[kRequest] && !is_object && key_ == "inputs";
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
    FoundNumbers<Number> found;
    found.begin = at_;
    std::size_t end = at_;
    if (ReadJsonNumbers(text_, &end, &found.numbers) && found.numbers.values.size() >= least_) {
      found.end = end;
      at_ = end;
      found_.push_back(std::move(found));
      return;
    }
    Enter(false);
  }

  const std::string_view text_;
  const std::size_t least_;
  const std::size_t most_;
  std::vector<FoundNumbers<Number>> found_;
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
std::vector<FoundNumbers<Number>> FindInputData(std::string_view text, std::size_t least,
                                                std::size_t most) {
  return RequestScanner<Number>(text, least, most).Scan();
}

template std::vector<FoundNumbers<float>> FindInputData(std::string_view, std::size_t, std::size_t);
template std::vector<FoundNumbers<double>> FindInputData(std::string_view, std::size_t,
                                                         std::size_t);

}  // namespace sluice
