// Reads test/golden/npu-arithmetic/cases.txt; the README beside it says what a line holds.
#ifndef SLUICE_NATIVE_TESTS_GOLDEN_CASES_HPP_
#define SLUICE_NATIVE_TESTS_GOLDEN_CASES_HPP_

#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace sluice {
namespace testing {

// The integers of a case, the expected result last.
using Case = std::vector<std::int32_t>;

// Cases by their word.
inline std::map<std::string, std::vector<Case>> ReadCases(const char* path) {
  std::map<std::string, std::vector<Case>> cases;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    Case values;
    for (std::int32_t value = 0; words >> value;) values.push_back(value);
    cases[word].push_back(std::move(values));
  }
  return cases;
}

}  // namespace testing
}  // namespace sluice

#endif  // SLUICE_NATIVE_TESTS_GOLDEN_CASES_HPP_
