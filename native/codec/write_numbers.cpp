#include <charconv>
#include <cmath>
#include <limits>

#include "native/codec/json_numbers.hpp"

namespace sluice {
namespace {

// The longest number: sign, digits, point and exponent; and a comma. `"-Infinity"` is shorter.
template <class Number>
constexpr std::size_t NumberCharsMax() {
  constexpr std::size_t kExponentChars = sizeof(Number) == sizeof(float) ? 4 : 5;
  return 1 + std::numeric_limits<Number>::max_digits10 + 1 + kExponentChars + 1;
}

template <class Number>
char* WriteNumber(Number value, char* at) {
  if (std::isfinite(value)) return std::to_chars(at, at + NumberCharsMax<Number>(), value).ptr;
  const std::string_view text = std::isnan(value) ? "\"NaN\""
                                : value > 0       ? "\"Infinity\""
                                                  : "\"-Infinity\"";
  return at + text.copy(at, text.size());
}

}  // namespace

template <class Number>
void AppendJsonNumbers(std::span<const Number> values, std::string* text) {
  const std::size_t begin = text->size();
  text->resize(begin + values.size() * NumberCharsMax<Number>() + 2);
  char* at = text->data() + begin;
  *at++ = '[';
  for (std::size_t index = 0; index < values.size(); ++index) {
    if (index > 0) *at++ = ',';
    at = WriteNumber(values[index], at);
  }
  *at++ = ']';
  text->resize(static_cast<std::size_t>(at - text->data()));
}

template void AppendJsonNumbers(std::span<const float>, std::string*);
template void AppendJsonNumbers(std::span<const double>, std::string*);

}  // namespace sluice
