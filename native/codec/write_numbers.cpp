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

// A flat array.
template <class Number>
void AppendRow(std::span<const Number> values, std::string* text) {
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

}  // namespace

template <class Number>
void AppendJsonNumbers(std::span<const Number> values, std::span<const std::uint32_t> shape,
                       std::string* text) {
  if (shape.size() == 1) {
    AppendRow(values, text);
    return;
  }
  const std::size_t count = shape.front();
  const std::size_t size = count == 0 ? 0 : values.size() / count;
  *text += '[';
  for (std::size_t index = 0; index < count; ++index) {
    if (index > 0) *text += ',';
    AppendJsonNumbers(values.subspan(index * size, size), shape.subspan(1), text);
  }
  *text += ']';
}

template void AppendJsonNumbers(std::span<const float>, std::span<const std::uint32_t>,
                                std::string*);
template void AppendJsonNumbers(std::span<const double>, std::span<const std::uint32_t>,
                                std::string*);

}  // namespace sluice
