/** Added to a double below 2^51, 1.5 * 2^52 rounds it to an integer, half to even, whose low byte is the sum's. */
const roundingConstant = 6755399441055744;

/** One direction in which a loop goes: how far each step takes it in the tensor and in the region. */
interface Steps {
  tensor: number;
  region: number;
}

/**
 * The order in which the elements of an item are visited: blocks of W channels, in each its rows, in each of
 * these two directions, channels and columns, the one that lies closer in the tensor innermost. One row of
 * a block fits the first-level cache, whichever side is read or written in strides.
 */
export interface ItemWalk {
  /** First byte of the tensor in the item's region. */
  offsetBytes: number;
  blocks: number;
  rows: number;
  columns: number;
  /** Channels of each block, and of the last one. */
  lanes: number;
  lastLanes: number;
  block: Steps;
  row: Steps;
  column: Steps;
  lane: Steps;
  isColumnInner: boolean;
  /** float32. */
  scale: number;
  zeroPoint: number;
}

/**
 * Quantises one item of a tensor into its place in a region; bytes of lanes beyond the last channel stay as
 * they are. ONNX QuantizeLinear to int8 with the bits of ONNX Runtime's MlasQuantizeLinear: float32 division,
 * clamp, round half to even, add the zero point. NaN gives -128, as ONNX Runtime does on x64: its clamp is a
 * `maxps`, which returns the bound for NaN; found by running it, and held by a test.
 */
export function packItem(
  from: { values: Float32Array; start: number },
  to: { region: Int8Array; start: number },
  walk: ItemWalk,
): void {
  const { values } = from;
  const { region } = to;
  const { blocks, rows, lanes, lastLanes, block, row, lane, column, scale, zeroPoint } = walk;
  const [inner, outer] = walk.isColumnInner ? [column, lane] : [lane, column];
  const { tensor: innerTensor, region: innerRegion } = inner;
  const { tensor: outerTensor, region: outerRegion } = outer;
  const low = -128 - zeroPoint;
  const high = 127 - zeroPoint;
  for (let b = 0; b < blocks; b += 1) {
    const laneCount = b === blocks - 1 ? lastLanes : lanes;
    const innerCount = walk.isColumnInner ? walk.columns : laneCount;
    const outerCount = walk.isColumnInner ? laneCount : walk.columns;
    for (let r = 0; r < rows; r += 1) {
      const tensorStart = from.start + b * block.tensor + r * row.tensor;
      const regionStart = to.start + walk.offsetBytes + b * block.region + r * row.region;
      for (let o = 0; o < outerCount; o += 1) {
        let source = tensorStart + o * outerTensor;
        let target = regionStart + o * outerRegion;
        for (let i = 0; i < innerCount; i += 1) {
          let scaled = Math.fround((values[source] as number) / scale);
          // Written so that NaN becomes the lower bound.
          if (!(scaled > low)) scaled = low;
          if (scaled > high) scaled = high;
          // Storing into int8 keeps the low byte.
          region[target] = scaled + roundingConstant + zeroPoint;
          source += innerTensor;
          target += innerRegion;
        }
      }
    }
  }
}

/**
 * Brings one item back from a region into a tensor: ONNX DequantizeLinear with the bits of ONNX Runtime, an
 * exact difference and one float32 product.
 */
export function unpackItem(
  from: { region: Int8Array; start: number },
  to: { values: Float32Array; start: number },
  walk: ItemWalk,
): void {
  const { region } = from;
  const { values } = to;
  const { blocks, rows, lanes, lastLanes, block, row, lane, column, scale, zeroPoint } = walk;
  const [inner, outer] = walk.isColumnInner ? [column, lane] : [lane, column];
  const { tensor: innerTensor, region: innerRegion } = inner;
  const { tensor: outerTensor, region: outerRegion } = outer;
  for (let b = 0; b < blocks; b += 1) {
    const laneCount = b === blocks - 1 ? lastLanes : lanes;
    const innerCount = walk.isColumnInner ? walk.columns : laneCount;
    const outerCount = walk.isColumnInner ? laneCount : walk.columns;
    for (let r = 0; r < rows; r += 1) {
      const regionStart = from.start + walk.offsetBytes + b * block.region + r * row.region;
      const tensorStart = to.start + b * block.tensor + r * row.tensor;
      for (let o = 0; o < outerCount; o += 1) {
        let source = regionStart + o * outerRegion;
        let target = tensorStart + o * outerTensor;
        for (let i = 0; i < innerCount; i += 1) {
          // Storing into float32 rounds the product once.
          values[target] = ((region[source] as number) - zeroPoint) * scale;
          source += innerRegion;
          target += innerTensor;
        }
      }
    }
  }
}
