// The naive two-dimensional copy, on plain bytes.
#ifndef SLUICE_HLS_TRANSFER_REFERENCE_HPP_
#define SLUICE_HLS_TRANSFER_REFERENCE_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice {
namespace reference {

// Offsets, row lengths and pitches in bytes.
struct CopyShape {
  std::size_t source_offset;
  std::size_t source_pitch;
  std::size_t target_offset;
  std::size_t target_pitch;
  std::size_t rows;
  std::size_t row_bytes;
};

inline void Copy(const CopyShape& shape, const std::vector<std::uint8_t>& source,
                 std::vector<std::uint8_t>* target) {
  for (std::size_t row = 0; row < shape.rows; ++row) {
    for (std::size_t byte = 0; byte < shape.row_bytes; ++byte) {
      target->at(shape.target_offset + row * shape.target_pitch + byte) =
          source.at(shape.source_offset + row * shape.source_pitch + byte);
    }
  }
}

}  // namespace reference
}  // namespace sluice

#endif  // SLUICE_HLS_TRANSFER_REFERENCE_HPP_
