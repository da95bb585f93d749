import { SluiceError } from '../errors.ts';
import { parameterRecordLayout } from './instructions.generated.ts';

/** A scale as the requantiser takes it: `multiplier * 2^-shift`. */
export interface FixedScale {
  /** 0 to 2^24 - 1. */
  multiplier: number;
  /** 1 to 63. */
  shift: number;
}

/** One output channel: bias with the input's zero point folded in, and its scale. */
export interface ChannelParameters extends FixedScale {
  /** int32. */
  bias: number;
}

/**
 * The exact integer form of a float32 scale, its 24-bit significand and a shift. Below 2^-40 every
 * int32 product is below one half, so such a scale becomes 0 with the same results. Throws
 * `model_unsupported` when `scale` is not a float32, negative, not finite or too large (2^23 and up).
 */
export function fixedScaleOf(scale: number): FixedScale {
  const { multiplierBits, shiftMax, shiftMin } = parameterRecordLayout;
  if (!(scale >= 0) || Math.fround(scale) !== scale || scale >= 2 ** (multiplierBits - shiftMin)) {
    throw new SluiceError(
      'model_unsupported',
      `requantisation scale ${scale}: a float32 from 0 to below 2^${multiplierBits - shiftMin} expected`,
    );
  }
  if (scale < 2 ** (multiplierBits - 1 - shiftMax)) return { multiplier: 0, shift: shiftMax };
  let shift = multiplierBits - 1;
  let multiplier = scale * 2 ** shift;
  for (; multiplier < 2 ** (multiplierBits - 1); multiplier *= 2) shift += 1;
  for (; multiplier >= 2 ** multiplierBits; multiplier /= 2) shift -= 1;
  return { multiplier, shift };
}

/** Writes one 8-byte channel record of a program's weight section. Throws `program_invalid`. */
export function encodeParameterRecord(parameters: ChannelParameters): Uint8Array {
  const { bias, multiplier, shift } = parameters;
  const { bytes, multiplierBits, shiftMin, shiftMax } = parameterRecordLayout;
  requireInteger('bias', bias, -(2 ** 31), 2 ** 31 - 1);
  requireInteger('multiplier', multiplier, 0, 2 ** multiplierBits - 1);
  requireInteger('shift', shift, shiftMin, shiftMax);
  const record = new Uint8Array(bytes);
  const view = new DataView(record.buffer);
  view.setInt32(0, bias, true);
  view.setUint32(4, multiplier + shift * 2 ** multiplierBits, true);
  return record;
}

function requireInteger(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new SluiceError(
    'program_invalid',
    `NPU channel record: ${name} is ${value}, an integer from ${least} to ${most} expected`,
  );
}
