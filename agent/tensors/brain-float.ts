// bfloat16: the upper half of an IEEE 754 binary32.

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The number that a bfloat16 stands for. */
export function bfloat16ToNumber(bits: number): number {
  singleBits[0] = bits << 16;
  return single[0] as number;
}

/** The bfloat16 nearest to a number, the even one of two; beyond the largest an infinity. */
export function numberToBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  single[0] = value;
  const bits = singleBits[0] as number;
  const upper = bits >>> 16;
  const lower = bits & 0xffff;
  if (lower !== 0x8000) return lower < 0x8000 ? upper : upper + 1;
  // A float32 in the middle between two bfloat16s may itself have been rounded: the number says to which side.
  const rest = Math.abs(value) - Math.abs(single[0]);
  if (rest === 0) return upper + (upper & 1);
  return rest < 0 ? upper : upper + 1;
}
