// Random EXECUTE instructions on the tensors that a random program has made.
#ifndef SLUICE_HLS_NPU_RANDOM_LAYERS_HPP_
#define SLUICE_HLS_NPU_RANDOM_LAYERS_HPP_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "hls/isa/geometry.hpp"
#include "hls/npu/random_emitter.hpp"
#include "hls/npu/random_tensor.hpp"
#include "hls/npu/random_weights.hpp"

namespace sluice {
namespace testing {

class RandomLayers {
 public:
  RandomLayers(const ProgramSizes& sizes, std::uint64_t products_max, Random& random,
               ProgramEmitter& emitter, RandomWeights& weights)
      : sizes_(sizes),
        products_max_(products_max),
        random_(random),
        emitter_(emitter),
        weights_(weights) {}

  void Add(const Tensor& tensor) { tensors_.push_back(tensor); }

  // A part of a tensor that has been written; later ones are likelier.
  Tensor Pick() {
    const std::uint32_t last = static_cast<std::uint32_t>(tensors_.size()) - 1;
    const std::uint32_t index = Between(0, 1) == 0 ? last : Between(0, last);
    return RandomPart(random_, tensors_[index], sizes_.pixel_parallel);
  }

  // A place for a tensor of any shape.
  Tensor PlaceNew() {
    Tensor tensor{0, 1, 1, 1, 1, 1};
    bool placed = false;
    for (std::uint32_t most = 14; !placed && most > 0; --most) {
      tensor.rows = Between(1, most);
      tensor.columns = Between(1, most + 6);
      tensor.blocks = Between(1, 3);
      placed = Place(tensor, {});
    }
    return tensor;
  }

  // Chooses pitches and an address such that first to last line meet none of `others`; false where
  // that didn't succeed.
  bool Place(Tensor& tensor, const std::vector<Tensor>& others) {
    const std::uint32_t lines = LinesOf(tensor);
    for (std::uint32_t attempt = 0; attempt < 20; ++attempt) {
      ChoosePitches(random_, lines, 2, tensor);
      const std::uint64_t extent = ExtentOf(tensor, lines);
      const bool fits = extent <= sizes_.activation_lines / 2 && tensor.row_pitch < 512;
      if (!fits) continue;
      tensor.address = Between(0, static_cast<std::uint32_t>(sizes_.activation_lines - extent));
      bool meets = false;
      for (const Tensor& other : others) {
        meets = meets || (tensor.address < other.address + ExtentOf(other, LinesOf(other)) &&
                          other.address < tensor.address + extent);
      }
      if (!meets) return true;
    }
    return false;
  }

  void AppendLines(const Tensor& tensor, bool writes, std::vector<Access>& accesses) const {
    AppendRows(tensor, Space::kActivation, LinesOf(tensor), writes, accesses);
  }

  // Emits one layer with the loads that it needs, or nothing where no place was found.
  void Append() {
    const std::uint32_t choice = Between(0, 9);
    if (choice < 5) {
      Convolve();
    } else if (choice < 7) {
      Pool();
    } else if (choice < 9) {
      Addition();
    } else {
      Multiplication();
    }
  }

 private:
  // One direction of a kernel.
  struct Window {
    std::uint32_t kernel;
    std::uint32_t stride;
    std::uint32_t dilation;
    std::uint32_t pad;
  };

  std::uint32_t Between(std::uint32_t least, std::uint32_t most) {
    return static_cast<std::uint32_t>(random_.Between(least, most));
  }

  std::uint32_t LinesOf(const Tensor& tensor) const {
    return isa::CeilDivide(tensor.columns, sizes_.pixel_parallel);
  }

  std::int32_t Int8() { return static_cast<std::int32_t>(random_.Between(-128, 127)); }

  // minimum ... maximum: all of int8, or a part of it.
  template <class Fields>
  void ChooseClamp(Fields& fields) {
    const std::int32_t one = Int8();
    const std::int32_t other = Int8();
    const bool whole = Between(0, 1) == 0;
    fields.minimum = whole ? -128 : std::min(one, other);
    fields.maximum = whole ? 127 : std::max(one, other);
  }

  Window RandomWindow(std::uint32_t size) {
    Window window{1, 1, 1, 0};
    const bool wild = Between(0, 15) == 0;
    window.kernel = Between(0, 2) == 0 ? 1 : Between(1, wild ? 9 : 4);
    window.stride = Between(0, 1) == 0 ? 1 : Between(1, wild ? 7 : 4);
    window.dilation = Between(0, 2) > 0 ? 1 : Between(1, wild ? 31 : 3);
    window.pad = Between(0, wild ? 63 : std::min(window.kernel, size));
    return window;
  }

  // The outputs that a window has with the same padding on either side, or about as many.
  std::uint32_t OutputSize(std::uint32_t size, const Window& window) {
    const std::uint32_t reach = (window.kernel - 1) * window.dilation + 1;
    const std::uint32_t padded = size + 2 * window.pad;
    const std::uint32_t natural = padded < reach ? 1 : (padded - reach) / window.stride + 1;
    return std::max(1u, std::min(24u, natural) + Between(0, 2) - 1);
  }

  template <class Fields>
  static void PutWindows(const Window& rows, const Window& columns, Fields& fields) {
    fields.kernel_rows = rows.kernel;
    fields.stride_rows = rows.stride;
    fields.dilation_rows = rows.dilation;
    fields.pad_top = rows.pad;
    fields.kernel_columns = columns.kernel;
    fields.stride_columns = columns.stride;
    fields.dilation_columns = columns.dilation;
    fields.pad_left = columns.pad;
  }

  template <class Fields>
  static void PutTensors(const Tensor& input, const Tensor& output, Fields& fields) {
    fields.input_address = input.address;
    fields.input_rows = input.rows;
    fields.input_columns = input.columns;
    fields.input_row_pitch = input.row_pitch;
    fields.input_block_pitch = input.block_pitch;
    fields.output_address = output.address;
    fields.output_rows = output.rows;
    fields.output_columns = output.columns;
    fields.output_row_pitch = output.row_pitch;
    fields.output_block_pitch = output.block_pitch;
  }

  void AppendTable(std::uint32_t table, std::vector<Access>& accesses) const {
    if (table > 0) accesses.push_back(Access{Space::kTable, table - 1, 1, false});
  }

  // Makes rows, then columns, fewer until the instruction is small enough.
  void LimitProducts(std::uint64_t products_a_word, Tensor& output) const {
    while (products_a_word * output.rows * output.columns * output.blocks > products_max_) {
      if (output.rows > 1) {
        output.rows = (output.rows + 1) / 2;
      } else if (output.columns > 1) {
        output.columns = (output.columns + 1) / 2;
      } else {
        return;
      }
    }
  }

  void Convolve() {
    const Tensor input = Pick();
    isa::Convolution fields{};
    fields.depthwise = Between(0, 2) == 0 ? 1 : 0;
    const Window rows = RandomWindow(input.rows);
    const Window columns = RandomWindow(input.columns);
    const std::uint32_t taps = rows.kernel * columns.kernel;
    fields.input_blocks = fields.depthwise != 0 ? 1 : input.blocks;
    const std::uint32_t width = sizes_.input_parallel;
    const std::uint32_t tiles_a_block =
        fields.depthwise != 0 ? isa::CeilDivide(taps, width) : taps * input.blocks;
    const std::uint32_t blocks_most =
        std::min(fields.depthwise != 0 ? input.blocks : 3, sizes_.weight_tiles / tiles_a_block);
    if (blocks_most == 0) return;
    Tensor output{0,
                  OutputSize(input.rows, rows),
                  OutputSize(input.columns, columns),
                  Between(1, blocks_most),
                  0,
                  0};
    LimitProducts(std::uint64_t{taps} * fields.input_blocks * width * width, output);
    if (!Place(output, {input})) return;
    PutWindows(rows, columns, fields);
    PutTensors(input, output, fields);
    FinishConvolve(tiles_a_block * output.blocks, input, output, fields);
  }

  void FinishConvolve(std::uint32_t tiles, Tensor input, const Tensor& output,
                      isa::Convolution& fields) {
    fields.output_blocks = output.blocks;
    fields.weight_address = weights_.Tiles(tiles);
    const std::uint32_t lanes = fields.depthwise != 0 ? 1 : sizes_.input_parallel;
    fields.parameter_address = weights_.Records(
        output.blocks, fields.kernel_rows * fields.kernel_columns * fields.input_blocks * lanes);
    fields.table = Between(0, 2) == 0 ? 1 + weights_.Slot(0) : 0;
    fields.pad_value = Int8();
    fields.output_zero_point = Int8();
    ChooseClamp(fields);
    input.blocks = fields.depthwise != 0 ? output.blocks : input.blocks;
    std::vector<Access> accesses = {
        {Space::kWeight, fields.weight_address, tiles, false},
        {Space::kParameter, fields.parameter_address, output.blocks, false}};
    AppendTable(fields.table, accesses);
    AppendLines(input, false, accesses);
    AppendLines(output, true, accesses);
    emitter_.Emit(isa::AssembleConvolve(fields), accesses);
    Add(output);
  }

  // A direction of an enlargement has neither kernel nor stride.
  std::uint32_t ChooseUpsample(Window& window) {
    if (Between(0, 3) > 0) return 1;
    window.kernel = window.stride = 1;
    return Between(2, Between(0, 3) == 0 ? 15 : 4);
  }

  void Pool() {
    const Tensor input = Pick();
    isa::Pool fields{};
    Window rows = RandomWindow(input.rows);
    Window columns = RandomWindow(input.columns);
    fields.upsample_rows = ChooseUpsample(rows);
    fields.upsample_columns = ChooseUpsample(columns);
    Tensor output{0,
                  OutputSize(input.rows * fields.upsample_rows, rows),
                  OutputSize(input.columns * fields.upsample_columns, columns),
                  input.blocks,
                  0,
                  0};
    const bool in_place = Between(0, 5) == 0;
    if (in_place) {
      rows = columns = Window{1, 1, 1, 0};
      fields.upsample_rows = fields.upsample_columns = 1;
      output = input;
    } else if (!Place(output, {input})) {
      return;
    }
    PutWindows(rows, columns, fields);
    PutTensors(input, output, fields);
    fields.blocks = input.blocks;
    fields.pad_value = Int8();
    ChooseClamp(fields);
    fields.table = Between(0, 2) == 0 ? 1 + weights_.Slot(0) : 0;
    std::vector<Access> accesses;
    AppendTable(fields.table, accesses);
    AppendLines(input, false, accesses);
    AppendLines(output, true, accesses);
    emitter_.Emit(isa::AssemblePool(fields), accesses);
    Add(output);
  }

  // What ADD and MULTIPLY share: two operands of one shape, or one word a block for the second.
  template <class Fields>
  bool ChooseOperands(Fields& fields, std::vector<Access>& accesses) {
    Tensor first = Pick();
    Tensor second = Pick();
    fields.broadcast = Between(0, 2) == 0 ? 1 : 0;
    first.blocks = second.blocks = std::min(first.blocks, second.blocks);
    if (fields.broadcast != 0) {
      second.rows = second.columns = 1;
    } else {
      first.rows = second.rows = std::min(first.rows, second.rows);
      first.columns = second.columns = std::min(first.columns, second.columns);
    }
    Tensor output = first;
    if (!PlaceOutput(first, second, fields.broadcast != 0, output)) return false;
    AppendLines(first, false, accesses);
    AppendLines(second, false, accesses);
    AppendLines(output, true, accesses);
    PutOperands(first, second, output, fields);
    ChooseClamp(fields);
    fields.output_zero_point = Int8();
    Add(output);
    return true;
  }

  // A place of its own, or that of an operand where the other one doesn't meet it.
  bool PlaceOutput(const Tensor& first, const Tensor& second, bool broadcast, Tensor& output) {
    const Tensor& place = !broadcast && Between(0, 1) == 0 ? second : first;
    const Tensor& other = &place == &first ? second : first;
    const bool apart = place.address + ExtentOf(place, LinesOf(place)) <= other.address ||
                       other.address + ExtentOf(other, LinesOf(other)) <= place.address;
    output = place;
    if (apart && Between(0, 1) == 0) return true;
    return Place(output, {first, second});
  }

  template <class Fields>
  static void PutOperands(const Tensor& first, const Tensor& second, const Tensor& output,
                          Fields& fields) {
    fields.first_address = first.address;
    fields.first_row_pitch = first.row_pitch;
    fields.first_block_pitch = first.block_pitch;
    fields.second_address = second.address;
    fields.second_row_pitch = second.row_pitch;
    fields.second_block_pitch = second.block_pitch;
    fields.output_address = output.address;
    fields.output_row_pitch = output.row_pitch;
    fields.output_block_pitch = output.block_pitch;
    fields.rows = output.rows;
    fields.columns = output.columns;
    fields.blocks = output.blocks;
  }

  void Addition() {
    isa::Addition fields{};
    std::vector<Access> accesses;
    fields.shift = Between(0, 3) == 0 ? Between(1, 30) : Between(16, 24);
    fields.window = Between(0, 15);
    fields.first_table = weights_.Slot(fields.shift);
    fields.second_table = weights_.Slot(fields.shift);
    if (!ChooseOperands(fields, accesses)) return;
    AppendTable(fields.first_table + 1, accesses);
    AppendTable(fields.second_table + 1, accesses);
    emitter_.Emit(isa::AssembleAdd(fields), accesses);
  }

  void Multiplication() {
    isa::Multiplication fields{};
    std::vector<Access> accesses;
    if (!ChooseOperands(fields, accesses)) return;
    fields.first_zero_point = Int8();
    fields.second_zero_point = Int8();
    fields.multiplier = weights_.Multiplier();
    fields.shift = weights_.Shift(2);
    emitter_.Emit(isa::AssembleMultiply(fields), accesses);
  }

  const ProgramSizes sizes_;
  const std::uint64_t products_max_;
  Random& random_;
  ProgramEmitter& emitter_;
  RandomWeights& weights_;
  std::vector<Tensor> tensors_;
};

}  // namespace testing
}  // namespace sluice

#endif  // SLUICE_HLS_NPU_RANDOM_LAYERS_HPP_
