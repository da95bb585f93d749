// What the bytes of a weight section must hold to where they are loaded as weights or as records.
#ifndef SLUICE_NATIVE_CORE_WEIGHT_RULES_HPP_
#define SLUICE_NATIVE_CORE_WEIGHT_RULES_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice {

// Whether no weight among the bytes is below the least that the array takes.
bool WeightsValid(std::span<const std::uint8_t> bytes);

// Whether all channel records among the bytes have a shift that exists and clear upper bits.
bool RecordsValid(std::span<const std::uint8_t> bytes);

// Looks at each 64 beats of a weight section at most once, however many instructions load them.
class BeatExaminer {
 public:
  using Rule = bool (*)(std::span<const std::uint8_t>);

  BeatExaminer(std::span<const std::uint8_t> weights, std::size_t beat_bytes, Rule rule)
      : weights_(weights), beat_bytes_(beat_bytes), rule_(rule) {}

  // Whether the rule holds for each of the `count` beats from `first` on, which the section has.
  bool Holds(std::size_t first, std::size_t count);

 private:
  // What is known of 64 beats: bit b is set when the rule holds for beat b.
  struct Group {
    bool examined = false;
    std::uint64_t holds = 0;
  };

  const Group& Examined(std::size_t group);

  std::span<const std::uint8_t> weights_;
  std::size_t beat_bytes_;
  Rule rule_;
  // Empty until the first question.
  std::vector<Group> groups_;
};

}  // namespace sluice

#endif  // SLUICE_NATIVE_CORE_WEIGHT_RULES_HPP_
