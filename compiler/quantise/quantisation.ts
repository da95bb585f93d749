import type { GivenQuantisation } from '../import/graph.ts';

/** What an int8 feature map's integers mean: value = scale * (integer - zeroPoint); the scale is a float32. */
export type Quantisation = GivenQuantisation;

/** Values that a feature map takes, or is meant to. */
export interface Range {
  minimum: number;
  maximum: number;
}

const lowest = -128;
const highest = 127;
const steps = 255;
/** Products and quotients of such scales are normal float32 numbers. */
const scaleMin = 2 ** -30;

/** The asymmetric quantisation that spreads a range, widened to hold 0, over all of int8; 0 is exact. */
export function quantisationOf({ minimum, maximum }: Range): Quantisation {
  const low = Math.min(minimum, 0);
  const high = Math.max(maximum, 0);
  // A map that is zero on every sample needs some scale all the same.
  const scale = high === low ? 1 : Math.fround(Math.max((high - low) / steps, scaleMin));
  return { scale, zeroPoint: saturate(roundHalfToEven(lowest - low / scale)) };
}

/** The values that a quantisation can hold. */
export function rangeOf({ scale, zeroPoint }: Quantisation): Range {
  return { minimum: (lowest - zeroPoint) * scale, maximum: (highest - zeroPoint) * scale };
}

/** The least range that holds both. */
export function unionOf(first: Range, second: Range): Range {
  return {
    minimum: Math.min(first.minimum, second.minimum),
    maximum: Math.max(first.maximum, second.maximum),
  };
}

/** Whether integers mean the same. */
export function isSameQuantisation(first: Quantisation, second: Quantisation): boolean {
  return first.scale === second.scale && first.zeroPoint === second.zeroPoint;
}

/** ONNX's QuantizeLinear of one value: a float32 quotient, rounded half to even, saturated. */
export function quantise(value: number, { scale, zeroPoint }: Quantisation): number {
  return saturate(roundHalfToEven(Math.fround(Math.fround(value) / scale)) + zeroPoint);
}

/** ONNX's QuantizeLinear of a tensor. */
export function quantiseAll(values: Float32Array, { scale, zeroPoint }: Quantisation): Int8Array {
  const integers = new Int8Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const quotient = Math.fround((values[index] as number) / scale);
    integers[index] = saturate(roundHalfToEven(quotient) + zeroPoint);
  }
  return integers;
}

/** ONNX's DequantizeLinear of one value. */
export function dequantise(integer: number, { scale, zeroPoint }: Quantisation): number {
  return Math.fround((integer - zeroPoint) * scale);
}

/** ONNX's DequantizeLinear of a tensor. */
export function dequantiseAll(integers: Int8Array, { scale, zeroPoint }: Quantisation): Float32Array {
  const values = new Float32Array(integers.length);
  for (let index = 0; index < integers.length; index += 1) {
    values[index] = ((integers[index] as number) - zeroPoint) * scale;
  }
  return values;
}

/** Nearest integer, ties to even. */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below + Math.abs(below % 2);
  return rest < 0.5 ? below : below + 1;
}

function saturate(value: number): number {
  return Math.min(Math.max(value, lowest), highest);
}
