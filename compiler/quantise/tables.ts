import { evaluateScalar, type ScalarFunction } from '../import/scalar-function.ts';
import { dequantise, type Quantisation, quantise, type Range } from './quantisation.ts';

const lowest = -128;
const values = 256;
/** Points at which a function is looked at to find where it hardly changes. */
const points = 4096;
/** Part of an output step that a function may change by where it counts as constant. */
const flatness = 0.25;

/** A function from int8 to int8: entry v + 128 is the result of DequantizeLinear - function - QuantizeLinear of v. */
export function tableOf(
  scalar: ScalarFunction,
  { input, output }: { input: Quantisation; output: Quantisation },
): Int8Array {
  return Int8Array.from({ length: values }, (_, index) =>
    quantise(evaluateScalar(scalar, dequantise(index + lowest, input)), output),
  );
}

/**
 * The part of a range in which a function changes by more than a quarter of an output step: values outside
 * may saturate, so the argument gets a finer scale. Hard-swish of -20 to 10 needs no more than -3 to 10.
 */
export function usefulRange(scalar: ScalarFunction, range: Range, output: Quantisation): Range {
  const minimum = Math.min(range.minimum, 0);
  const maximum = Math.max(range.maximum, 0);
  const at = (index: number): number => minimum + ((maximum - minimum) * index) / points;
  const tolerance = output.scale * flatness;
  const flat = (from: number, direction: 1 | -1): number => {
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    let index = from;
    while (index >= 0 && index <= points) {
      const value = evaluateScalar(scalar, at(index));
      least = Math.min(least, value);
      most = Math.max(most, value);
      if (most - least > tolerance) break;
      index += direction;
    }
    return Math.min(Math.max(index - direction, 0), points);
  };
  const [low, high] = [at(flat(0, 1)), at(flat(points, -1))];
  // A function that is flat everywhere needs no range at all; any will do.
  return low < high ? { minimum: low, maximum: high } : { minimum, maximum };
}
