import type { Datatype } from '../../contract/tensors.ts';
import { bfloat16ToNumber, numberToBfloat16 } from './brain-float.ts';
import { halfToNumber, numberToHalf } from './half.ts';

/** A datatype of floats that JavaScript has no typed array for: its elements are their bits. */
export interface ShortFloat {
  toNumber: (bits: number) => number;
  /** The nearest one, the even one of two; beyond the largest an infinity. */
  fromNumber: (value: number) => number;
  /** The bits of infinity, which are those of the exponent. */
  infinity: number;
}

/** The short floats among the datatypes. */
export const shortFloats: Record<'FP16' | 'BF16', ShortFloat> & Partial<Record<Datatype, ShortFloat>> = {
  FP16: { toNumber: halfToNumber, fromNumber: numberToHalf, infinity: 0x7c00 },
  BF16: { toNumber: bfloat16ToNumber, fromNumber: numberToBfloat16, infinity: 0x7f80 },
};
