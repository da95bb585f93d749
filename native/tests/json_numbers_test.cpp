// Texts of all kinds, each in memory of exactly its size: what reads beyond it is found by the
// address sanitizer. That numbers are right is for the TypeScript test, which has JSON.parse.
#include "native/codec/json_numbers.hpp"

#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "hls/testing.hpp"

namespace {

using sluice::FoundNumbers;
using sluice::RequestForm;
using sluice::testing::Random;

const std::string kRequest =
    R"({"id":"a\"]","inputs":[{"name":"x","shape":[2,3],"datatype":"FP32",)"
    R"("data":[[1,-2.5e-3,0.1],[1234567890123456789012345,1e22,-0]]},)"
    R"({"name":"y","data":[5,6,7]}],"outputs":[{"name":"z"}]})";

const std::string kScoreRequest =
    R"({"a":[1,2,3],"x\"":{"inputs":[4]},"b":[[5],[6]],"c":[["x"],[7]],"d":[]})";
const std::string kPredictRequest =
    R"({"signature_name":[0],"inputs":{"a":[1,2,3],"b":{"c":[4]},"d":[[5],[6]]},"instances":[[7]]})";

// Every place that is found lies within the text and begins and ends with a bracket.
bool IsSound(std::string_view text, RequestForm form) {
  const auto memory = std::make_unique<char[]>(text.size());
  std::memcpy(memory.get(), text.data(), text.size());
  const std::string_view own(memory.get(), text.size());
  std::size_t last = 0;
  for (const FoundNumbers<float>& found : sluice::FindNumbers<float>(own, form, 1, 64)) {
    std::size_t product = 1;
    for (const std::uint32_t size : found.numbers.shape) product *= size;
    if (found.begin < last || found.end > own.size() || found.begin >= found.end) return false;
    if (own[found.begin] != '[' || own[found.end - 1] != ']') return false;
    if (product != found.numbers.values.size() || product == 0) return false;
    last = found.end;
  }
  return true;
}

void TestFinding() {
  const auto found = sluice::FindNumbers<double>(kRequest, RequestForm::kInfer, 1, 64);
  SLUICE_CHECK(found.size() == 2);
  SLUICE_CHECK(found[0].numbers.shape == (std::vector<std::uint32_t>{2, 3}));
  SLUICE_CHECK(found[0].numbers.values[1] == -2.5e-3);
  SLUICE_CHECK(found[0].numbers.values[3] == 1234567890123456789012345.0);
  SLUICE_CHECK(found[1].numbers.values == (std::vector<double>{5, 6, 7}));
  SLUICE_CHECK(sluice::FindNumbers<double>(kRequest, RequestForm::kInfer, 4, 64).size() == 1);
  SLUICE_CHECK(sluice::FindNumbers<double>(kRequest, RequestForm::kInfer, 1, 1).size() == 1);
}

void TestForms() {
  const auto scored = sluice::FindNumbers<double>(kScoreRequest, RequestForm::kScore, 1, 64);
  SLUICE_CHECK(scored.size() == 2);
  SLUICE_CHECK(scored[0].numbers.values == (std::vector<double>{1, 2, 3}));
  SLUICE_CHECK(scored[1].numbers.shape == (std::vector<std::uint32_t>{2, 1}));
  const auto asked = sluice::FindNumbers<double>(kPredictRequest, RequestForm::kPredict, 1, 64);
  SLUICE_CHECK(asked.size() == 3);
  SLUICE_CHECK(asked[0].numbers.values == (std::vector<double>{1, 2, 3}));
  SLUICE_CHECK(asked[1].numbers.values == (std::vector<double>{5, 6}));
  SLUICE_CHECK(asked[2].numbers.values == (std::vector<double>{7}));
}

// So many digits behind the point, and an exponent that makes up for them.
void TestFarExponents() {
  const std::string zeros(100'002, '0');
  const std::string text =
      R"({"inputs":[{"data":[0.)" + zeros + "1e100003,1,0." + zeros + "25e100003]}]}";
  const auto found = sluice::FindNumbers<double>(text, RequestForm::kInfer, 1, 64);
  SLUICE_CHECK(found.size() == 1);
  SLUICE_CHECK(found[0].numbers.values == (std::vector<double>{1, 1, 2.5}));
}

struct Sample {
  const std::string& text;
  RequestForm form;
};

const Sample kSamples[] = {{kRequest, RequestForm::kInfer},
                           {kScoreRequest, RequestForm::kScore},
                           {kPredictRequest, RequestForm::kPredict}};

void TestCutShort() {
  for (const auto& [text, form] : kSamples) {
    for (std::size_t size = 0; size <= text.size(); ++size) {
      SLUICE_CHECK(IsSound(std::string_view(text).substr(0, size), form));
    }
  }
}

// Whether 20,000 damaged texts are sound.
bool IsSoundWhenDamaged(const Sample& sample) {
  Random random(5);
  const std::string_view pieces = R"([]{},:"\0123456789.eE+- tdata)";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = sample.text;
    for (int change = 0; change < 3; ++change) {
      const std::size_t at = random.Next() % text.size();
      const char piece = pieces[random.Next() % pieces.size()];
      if (random.Next() % 2 == 0) {
        text[at] = piece;
      } else {
        text.insert(at, 1, piece);
      }
    }
    if (!IsSound(text, sample.form)) return false;
  }
  return true;
}

void TestDamaged() {
  for (const Sample& sample : kSamples) SLUICE_CHECK(IsSoundWhenDamaged(sample));
}

template <class Number>
std::string Written(std::span<const Number> values, const std::vector<std::uint32_t>& shape) {
  std::string text;
  sluice::AppendJsonNumbers(values, shape, &text);
  return text;
}

void TestWriting() {
  const float floats[] = {0.1f,
                          -0.0f,
                          1e20f,
                          std::numeric_limits<float>::max(),
                          std::numeric_limits<float>::denorm_min(),
                          std::numeric_limits<float>::quiet_NaN()};
  SLUICE_CHECK(Written<float>(floats, {6}) == "[0.1,-0,1e+20,3.4028235e+38,1e-45,\"NaN\"]");
  const double doubles[] = {-std::numeric_limits<double>::max(),
                            -std::numeric_limits<double>::denorm_min(), -2.2250738585072014e-308,
                            -std::numeric_limits<double>::infinity()};
  SLUICE_CHECK(Written<double>(doubles, {4}) ==
               "[-1.7976931348623157e+308,-5e-324,-2.2250738585072014e-308,\"-Infinity\"]");
  SLUICE_CHECK(Written<double>(std::span(doubles).last(2), {1, 2, 1}) ==
               "[[[-2.2250738585072014e-308],[\"-Infinity\"]]]");
  SLUICE_CHECK(Written<float>({}, {0}) == "[]");
  SLUICE_CHECK(Written<float>({}, {2, 0}) == "[[],[]]");
  SLUICE_CHECK(Written<float>({}, {0, 2}) == "[]");
}

}  // namespace

int main() {
  TestFinding();
  TestForms();
  TestFarExponents();
  TestCutShort();
  TestDamaged();
  TestWriting();
  return sluice::testing::Finish();
}
