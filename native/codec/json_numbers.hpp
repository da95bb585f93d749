// Numbers of JSON arrays, read from and written to the text itself: a general parser makes an
// object of each. `Number` is float or double.
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
template <class Number>
struct JsonNumbers {
  // Row-major; the nearest double to each, as ECMAScript's JSON.parse gives it, or the nearest
  // float to that double, as a Float32Array stores it.
  std::vector<Number> values;
  // Sizes from the outermost array inwards.
  std::vector<std::uint32_t> shape;
};

// Deepest nesting that is read.
constexpr std::size_t kJsonNumbersDepthMax = 16;

// Reads the array that begins at text[*position], which is '[', into empty lists, whatever their
// capacity; on success *position is behind it.
// False for anything else than numbers in arrays of one shape, each of at least one element: such
// text may still be JSON. Numbers beyond what a `Number` holds are left to others too.
template <class Number>
bool ReadJsonNumbers(std::string_view text, std::size_t* position, JsonNumbers<Number>* numbers);

// Where an array of numbers stands in a text.
template <class Number>
struct FoundNumbers {
  std::size_t begin = 0;
  std::size_t end = 0;
  JsonNumbers<Number> numbers;
};

// Where the arrays of a request stand: the object that the text is holds
enum class RequestForm {
  // the list "inputs" of objects, each with "data" (Open Inference Protocol),
  kInfer,
  // an array a member (Azure Machine Learning's /score),
  kScore,
  // the array "instances" or "inputs", or the object "inputs" of arrays (TensorFlow Serving).
  kPredict,
};

// The arrays of a request of that form, as far as they can be read so and have at least `least`
// numbers; at most `most` of them. The rest of the text is not checked: with each array replaced by
// another value it is JSON exactly when it was before.
template <class Number>
std::vector<FoundNumbers<Number>> FindNumbers(std::string_view text, RequestForm form,
                                              std::size_t least, std::size_t most);

// Appends a JSON array, nested like the shape, whose product is the number of values and whose rank
// is at least 1: each number in the fewest digits that read back as the same float or double. NaN
// and the infinities, which JSON lacks, become strings.
template <class Number>
void AppendJsonNumbers(std::span<const Number> values, std::span<const std::uint32_t> shape,
                       std::string* text);

}  // namespace sluice

#endif  // SLUICE_NATIVE_CODEC_JSON_NUMBERS_HPP_
