#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
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
constexpr std::size_t kDigitsMax = 19;
// Of a number in a long array, with its comma.
constexpr std::size_t kCharsExpected = 8;
// Numbers whose memory is taken before they are seen: a text may be long for another reason.
constexpr std::size_t kReservedMax = std::size_t{256} * 1024;
// No exponent is read or counted beyond it, so that adding up cannot overflow. What is that far out
// is left to the library: digits behind the point and an exponent may make up for each other.
constexpr int kExponentMax = 100'000;

bool IsDigit(char character) { return character >= '0' && character <= '9'; }

bool IsSpace(char character) {
  return character == ' ' || character == '\n' || character == '\r' || character == '\t';
}

// So many bytes of text are looked at together.
constexpr std::size_t kWordBytes = 8;
constexpr std::array<std::uint64_t, kWordBytes + 1> kIntegerPowers = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};

// The digits at the start of a text, as far as they stand in one word.
struct DigitRun {
  std::uint64_t value;
  std::size_t count;
};

// Eight characters at once, in the bytes of a word (SIMD within a register). The first character
// is the lowest byte, hence little-endian.
static_assert(std::endian::native == std::endian::little);
inline DigitRun ReadWord(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, kWordBytes);
  // A digit becomes its value, anything else more than 9.
  const std::uint64_t values = word ^ 0x3030303030303030;
  // Sets the high bit of every byte that is more than 9; what a carry spoils lies behind the first.
  const std::uint64_t others = ((values + 0x7676767676767676) | values) & 0x8080808080808080;
  const auto count = static_cast<std::size_t>(std::countr_zero(others)) / 8;
  if (count == 0) return {0, 0};
  // Zeros in front make eight digits of them; then pairs, fours and all eight are put together.
  std::uint64_t sum = values << (8 * (kWordBytes - count));
  sum = (sum * 10 + (sum >> 8)) & 0x00ff00ff00ff00ff;
  sum = (sum * 100 + (sum >> 16)) & 0x0000ffff0000ffff;
  sum = (sum * 10'000 + (sum >> 32)) & 0x00000000ffffffff;
  return {sum, count};
}

// A number's digits as an integer, and the power of ten that belongs to it.
struct Decimal {
  std::uint64_t integer = 0;
  std::size_t digits = 0;
  int exponent = 0;

  // Takes the digits at `*cursor`; how many there were.
  [[gnu::always_inline]] std::size_t Append(const char** cursor, const char* end) {
    const char* at = *cursor;
    while (static_cast<std::size_t>(end - at) >= kWordBytes) {
      const DigitRun run = ReadWord(at);
      Take(run);
      at += run.count;
      if (run.count < kWordBytes) return Finish(cursor, at);
    }
    for (; at != end && IsDigit(*at); ++at) Take({static_cast<std::uint64_t>(*at - '0'), 1});
    return Finish(cursor, at);
  }

 private:
  void Take(const DigitRun& run) {
    // Leading zeros are no digits, as far as that is seen at once.
    if (integer == 0 && run.value == 0) return;
    digits += run.count;
    if (digits <= kDigitsMax) integer = integer * kIntegerPowers[run.count] + run.value;
  }

  static std::size_t Finish(const char** cursor, const char* at) {
    const auto count = static_cast<std::size_t>(at - *cursor);
    *cursor = at;
    return count;
  }
};

// The exponent behind 'e'; false for what is none.
[[gnu::noinline]] bool ReadExponent(const char** cursor, const char* end, Decimal* decimal) {
  const char* at = *cursor;
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;
  if (at == end || !IsDigit(*at)) return false;
  int power = 0;
  while (at != end && IsDigit(*at)) {
    if (power < kExponentMax) power = power * 10 + (*at - '0');
    ++at;
  }
  if (power >= kExponentMax) decimal->digits = kDigitsMax + 1;
  decimal->exponent += negative ? -power : power;
  *cursor = at;
  return true;
}

// RFC 8259, section 6; false for what is no number.
[[gnu::always_inline]] inline bool ReadDecimal(const char** cursor, const char* end,
                                               Decimal* decimal) {
  const char* at = *cursor;
  if (at != end && *at == '-') ++at;
  if (at == end || !IsDigit(*at)) return false;
  if (*at == '0') {
    ++at;
  } else {
    decimal->Append(&at, end);
  }
  if (at != end && *at == '.') {
    ++at;
    const std::size_t count = decimal->Append(&at, end);
    if (count == 0) return false;
    if (count >= kExponentMax) decimal->digits = kDigitsMax + 1;
    decimal->exponent = -static_cast<int>(std::min<std::size_t>(count, kExponentMax));
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (!ReadExponent(&at, end, decimal)) return false;
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

// Any number, by the library; out of line, because it is rare and would burden the others.
[[gnu::noinline]] bool ReadExactly(const char* begin, const char* end, double* value) {
  const auto [stopped, error] = std::from_chars(begin, end, *value);
  return error == std::errc() && stopped == end;
}

[[gnu::always_inline]] inline bool ReadNumber(const char** cursor, const char* end, double* value) {
  const char* const begin = *cursor;
  Decimal decimal;
  if (!ReadDecimal(cursor, end, &decimal)) return false;
  if (!IsExact(decimal)) return ReadExactly(begin, *cursor, value);
  const double integer = static_cast<double>(static_cast<std::int64_t>(decimal.integer));
  const double size = decimal.exponent < 0
                          ? integer / kPowers[static_cast<std::size_t>(-decimal.exponent)]
                          : integer * kPowers[static_cast<std::size_t>(decimal.exponent)];
  *value = *begin == '-' ? -size : size;
  return true;
}

// Walks through nested arrays and sees to it that all of one depth have one size.
template <class Number>
class ShapeReader {
 public:
  ShapeReader(std::string_view text, std::size_t start, JsonNumbers<Number>* numbers)
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
    const auto number = static_cast<Number>(value);
    if (!std::isfinite(number)) return false;
    numbers_.values.push_back(number);
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
  JsonNumbers<Number>& numbers_;
  std::array<std::uint32_t, kJsonNumbersDepthMax> counts_{};
  std::size_t open_ = 0;
};

}  // namespace

template <class Number>
bool ReadJsonNumbers(std::string_view text, std::size_t* position, JsonNumbers<Number>* numbers) {
  // Most numbers and their commas take more; those of less make the list grow.
  const std::size_t expected = (text.size() - *position) / kCharsExpected;
  numbers->values.reserve(std::min(expected, kReservedMax));
  ShapeReader<Number> reader(text, *position, numbers);
  if (!reader.Read()) return false;
  *position = static_cast<std::size_t>(reader.at() - text.data());
  return true;
}

template bool ReadJsonNumbers(std::string_view, std::size_t*, JsonNumbers<float>*);
template bool ReadJsonNumbers(std::string_view, std::size_t*, JsonNumbers<double>*);

}  // namespace sluice
