// Numbers of JSON arrays, read from and written to the text itself: a general parser makes an
// object of each.
#ifndef SLUICE_NATIVE_CODEC_JSON_NUMBERS_HPP_
#define SLUICE_NATIVE_CODEC_JSON_NUMBERS_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// An array of numbers, or arrays of them that are all of one shape.
struct JsonNumbers {
  // Row-major; the nearest double to each, as ECMAScript's JSON.parse gives it.
  std::vector<double> values;
  // Sizes from the outermost array inwards.
  std::vector<std::uint32_t> shape;
};

// Deepest nesting that is read.
constexpr std::size_t kJsonNumbersDepthMax = 16;

// Reads the array that begins at text[*position], which is '['; on success *position is behind it.
// False for anything else than numbers in arrays of one shape, each of at least one element: such
// text may still be JSON. Numbers beyond what a double holds are left to others too.
bool ReadJsonNumbers(std::string_view text, std::size_t* position, JsonNumbers* numbers);

// Where an array of numbers stands in a text.
struct FoundNumbers {
  std::size_t begin = 0;
  std::size_t end = 0;
  JsonNumbers numbers;
};

// The values of "data" in the objects of the list "inputs" of the object that the text is (an infer
// request of the Open Inference Protocol), as far as they can be read so and have at least
// `least` numbers; at most `most` of them. The rest of the text is not checked: with each array
// replaced by another value it is JSON exactly when it was before.
std::vector<FoundNumbers> FindInputData(std::string_view text, std::size_t least, std::size_t most);

// A flat JSON array: each number in the fewest digits that read back as the same float or double.
// NaN and the infinities, which JSON lacks, become strings.
std::string WriteJsonNumbers(std::span<const float> values);
std::string WriteJsonNumbers(std::span<const double> values);

}  // namespace sluice

#endif  // SLUICE_NATIVE_CODEC_JSON_NUMBERS_HPP_
