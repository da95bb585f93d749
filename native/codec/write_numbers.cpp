#include <algorithm>
#include <array>
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

constexpr std::size_t kPieceNumbers = 1024;

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
  // Piece by piece: a text for the longest numbers would take several times what it needs.
  std::array<char, kPieceNumbers * NumberCharsMax<Number>()> piece;
  *text += '[';
  for (std::size_t begin = 0; begin < values.size(); begin += kPieceNumbers) {
    char* at = piece.data();
    for (const Number value :
         values.subspan(begin, std::min(kPieceNumbers, values.size() - begin))) {
      at = WriteNumber(value, at);
      *at++ = ',';
    }
    text->append(piece.data(), static_cast<std::size_t>(at - piece.data()));
  }
  // The last comma gives way.
  if (values.empty()) {
    *text += ']';
  } else {
    text->back() = ']';
  }
}

template void AppendJsonNumbers(std::span<const float>, std::string*);
template void AppendJsonNumbers(std::span<const double>, std::string*);

}  // namespace sluice
