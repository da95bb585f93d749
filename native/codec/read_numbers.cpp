#include <array>
#include <charconv>
#include <system_error>

#include "native/codec/json_numbers.hpp"

namespace sluice {
namespace {

// Powers of ten that are exact as doubles.
constexpr int kExactPowerMax = 22;
constexpr std::array<double, kExactPowerMax + 1> kPowers = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::uint64_t kExactIntegerMax = std::uint64_t{1} << 53;
// So many digits never leave 64 bits.
constexpr int kDigitsMax = 19;
// Beyond it every exponent is out of reach, and adding up digits must not overflow.
constexpr int kExponentMax = 100'000;

bool IsDigit(char character) { return character >= '0' && character <= '9'; }

bool IsSpace(char character) {
  return character == ' ' || character == '\n' || character == '\r' || character == '\t';
}

// A number's digits as an integer, and the power of ten that belongs to it.
struct Decimal {
  std::uint64_t integer = 0;
  int digits = 0;
  int exponent = 0;

  void Append(char digit) {
    // Leading zeros are no digits.
    if (integer == 0 && digit == '0') return;
    ++digits;
    if (digits <= kDigitsMax) integer = integer * 10 + static_cast<std::uint64_t>(digit - '0');
  }
};

// RFC 8259, section 6; false for what is no number.
bool ReadDecimal(const char** cursor, const char* end, Decimal* decimal) {
  const char* at = *cursor;
  if (at != end && *at == '-') ++at;
  if (at == end || !IsDigit(*at)) return false;
  if (*at == '0') {
    ++at;
  } else {
    while (at != end && IsDigit(*at)) decimal->Append(*at++);
  }
  if (at != end && *at == '.') {
    ++at;
    if (at == end || !IsDigit(*at)) return false;
    while (at != end && IsDigit(*at)) {
      decimal->Append(*at++);
      if (decimal->exponent > -kExponentMax) --decimal->exponent;
    }
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    const bool negative = at != end && *at == '-';
    if (at != end && (*at == '-' || *at == '+')) ++at;
    if (at == end || !IsDigit(*at)) return false;
    int power = 0;
    while (at != end && IsDigit(*at)) {
      if (power < kExponentMax) power = power * 10 + (*at - '0');
      ++at;
    }
    decimal->exponent += negative ? -power : power;
  }
  *cursor = at;
  return true;
}

// Exact when integer and power of ten both are (Clinger, How to read floating point numbers
// accurately, 1990): then one operation rounds once.
bool IsExact(const Decimal& decimal) {
  return decimal.digits <= kDigitsMax && decimal.integer <= kExactIntegerMax &&
         decimal.exponent >= -kExactPowerMax && decimal.exponent <= kExactPowerMax;
}

bool ReadNumber(const char** cursor, const char* end, double* value) {
  const char* const begin = *cursor;
  Decimal decimal;
  if (!ReadDecimal(cursor, end, &decimal)) return false;
  if (!IsExact(decimal)) {
    const auto [stopped, error] = std::from_chars(begin, *cursor, *value);
    return error == std::errc() && stopped == *cursor;
  }
  const double integer = static_cast<double>(decimal.integer);
  const double size = decimal.exponent < 0
                          ? integer / kPowers[static_cast<std::size_t>(-decimal.exponent)]
                          : integer * kPowers[static_cast<std::size_t>(decimal.exponent)];
  *value = *begin == '-' ? -size : size;
  return true;
}

// Walks through nested arrays and sees to it that all of one depth have one size.
class ShapeReader {
 public:
  ShapeReader(std::string_view text, std::size_t start, JsonNumbers* numbers)
      : at_(text.data() + start), end_(text.data() + text.size()), numbers_(*numbers) {}

  bool Read() {
    do {
      if (!ReadValue()) return false;
    } while (open_ > 0);
    return true;
  }

  const char* at() const { return at_; }

 private:
  // Up to and with what follows a number: further values, or the ends of arrays.
  bool ReadValue() {
    SkipSpace();
    if (at_ == end_) return false;
    if (*at_ == '[') return Open();
    // Numbers all stand in the innermost arrays.
    if (open_ == 0 || open_ != numbers_.shape.size()) return false;
    double value = 0;
    if (!ReadNumber(&at_, end_, &value)) return false;
    numbers_.values.push_back(value);
    ++counts_[open_ - 1];
    return Continue();
  }

  bool Open() {
    if (open_ == kJsonNumbersDepthMax) return false;
    // Once there are numbers, the depth is known.
    if (!numbers_.values.empty() && open_ == numbers_.shape.size()) return false;
    ++at_;
    counts_[open_] = 0;
    ++open_;
    if (open_ > numbers_.shape.size()) numbers_.shape.push_back(0);
    return true;
  }

  // Behind a value: a comma, or the ends of as many arrays as end here.
  bool Continue() {
    for (;;) {
      SkipSpace();
      if (at_ == end_) return false;
      const char character = *at_++;
      if (character == ',') return true;
      if (character != ']' || !Close()) return false;
      if (open_ == 0) return true;
    }
  }

  bool Close() {
    --open_;
    std::uint32_t& size = numbers_.shape[open_];
    if (size == 0) size = counts_[open_];
    if (open_ > 0) ++counts_[open_ - 1];
    return size == counts_[open_];
  }

  void SkipSpace() {
    while (at_ != end_ && IsSpace(*at_)) ++at_;
  }

  const char* at_;
  const char* const end_;
  JsonNumbers& numbers_;
  std::array<std::uint32_t, kJsonNumbersDepthMax> counts_{};
  std::size_t open_ = 0;
};

}  // namespace

bool ReadJsonNumbers(std::string_view text, std::size_t* position, JsonNumbers* numbers) {
  ShapeReader reader(text, *position, numbers);
  if (!reader.Read()) return false;
  *position = static_cast<std::size_t>(reader.at() - text.data());
  return true;
}

}  // namespace sluice
