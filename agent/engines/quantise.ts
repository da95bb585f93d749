/** Adding and subtracting 1.5 * 2^52 rounds a double below 2^51 to an integer, half to even. */
const roundingConstant = 6755399441055744;

/** Scale and zero point of a quantised tensor: `real = (int8 - zeroPoint) * scale`. */
export interface Quantisation {
  scale: number;
  zeroPoint: number;
}

/**
 * ONNX QuantizeLinear to int8 with the bits of ONNX Runtime's MlasQuantizeLinear: float32 division, clamp,
 * round half to even, add the zero point. NaN gives -128, as ONNX Runtime does on x64: its clamp is a `maxps`,
 * which returns the bound for NaN; found by running it, and held by a test.
 */
export function quantise(values: Float32Array, into: Int8Array, { scale, zeroPoint }: Quantisation): void {
  const divisor = Math.fround(scale);
  const low = -128 - zeroPoint;
  const high = 127 - zeroPoint;
  for (let index = 0; index < values.length; index += 1) {
    const scaled = Math.fround((values[index] as number) / divisor);
    // Written so that NaN takes the first branch.
    if (!(scaled > low)) into[index] = -128;
    else if (scaled >= high) into[index] = 127;
    else into[index] = scaled + roundingConstant - roundingConstant + zeroPoint;
  }
}

/** ONNX DequantizeLinear from int8 with the bits of ONNX Runtime: an exact difference, one float32 product. */
export function dequantise(values: Int8Array, into: Float32Array, { scale, zeroPoint }: Quantisation): void {
  const factor = Math.fround(scale);
  for (let index = 0; index < values.length; index += 1) {
    // Storing into float32 rounds the product once.
    into[index] = ((values[index] as number) - zeroPoint) * factor;
  }
}
