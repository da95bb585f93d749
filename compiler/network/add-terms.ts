import { SluiceError } from '../../contract/errors.ts';
import type { AddQuantisation, AddTerms } from './network.ts';

const values = 256;
const lowest = -128;
const highest = 127;
/** Fraction bits that are tried, most first; whatever fewer bits can express, more bits can. */
const shiftMax = 24;
const shiftMin = 16;
const termMax = 2 ** 31 - 1;
/** Stands for no unknown. */
const unmoved = -1;
/** Steps of 2^-10 by which an output scale may grow: 6 % at most. */
const nudgesMax = 64;

/**
 * The NPU's terms of an addition, with which every one of the 65,536 operand pairs gives the bits of
 * DequantizeLinear - Add - QuantizeLinear in float32: proven here by trying them all. Terms are
 * `round((value - zero point) * scale / output scale * 2^shift)`, moved by as little as the pairs beside
 * ties need, so no tie window is. Undefined when there are none: where ratios of the scales make many exact
 * ties (1/2 and 1/2), float32 rounds them either way.
 */
export function addTermsOf(quantisation: AddQuantisation): AddTerms | undefined {
  const expected = everySum(quantisation);
  const { firstScale, secondScale, outputScale, outputZeroPoint } = quantisation;
  for (let shift = shiftMax; shift >= shiftMin; shift -= 1) {
    const first = roundedTerms(firstScale / outputScale, quantisation.firstZeroPoint, shift);
    const second = roundedTerms(secondScale / outputScale, quantisation.secondZeroPoint, shift);
    if (first === undefined || second === undefined) continue;
    if (!moveTerms({ first, second, shift, outputZeroPoint, expected })) return undefined;
    if (![...first, ...second].every((term) => Math.abs(term) <= termMax)) continue;
    return { firstTerms: Int32Array.from(first), secondTerms: Int32Array.from(second), shift, tieWindow: 0 };
  }
  return undefined;
}

/**
 * The least output scale, from the given one up to 6 % more, for which `addTermsOf` finds terms: what a
 * quantiser takes, which is free to choose. Throws `model_unsupported` when there is none.
 */
export function nudgedOutputScale(quantisation: AddQuantisation): number {
  for (let nudge = 0; nudge <= nudgesMax; nudge += 1) {
    const outputScale = Math.fround(quantisation.outputScale * (1 + nudge / 1024));
    if (addTermsOf({ ...quantisation, outputScale }) !== undefined) return outputScale;
  }
  const { firstScale, secondScale, outputScale } = quantisation;
  throw new SluiceError(
    'model_unsupported',
    `Add of scales ${firstScale} and ${secondScale}: no terms give float32's bits for an output scale from ${outputScale} to 6 % more`,
  );
}

/** DequantizeLinear - Add - QuantizeLinear of int8 operands, each operation rounded to float32. */
export function floatSum(first: number, second: number, quantisation: AddQuantisation): number {
  const { firstScale, firstZeroPoint, secondScale, secondZeroPoint, outputScale } = quantisation;
  const firstReal = Math.fround((first - firstZeroPoint) * firstScale);
  const secondReal = Math.fround((second - secondZeroPoint) * secondScale);
  const quotient = Math.fround(Math.fround(firstReal + secondReal) / outputScale);
  return saturate(roundHalfToEven(quotient) + quantisation.outputZeroPoint);
}

function everySum(quantisation: AddQuantisation): Int8Array {
  const sums = new Int8Array(values * values);
  for (let pair = 0; pair < sums.length; pair += 1) {
    sums[pair] = floatSum((pair >> 8) + lowest, (pair & 255) + lowest, quantisation);
  }
  return sums;
}

/** Undefined when a term is no int32. */
function roundedTerms(ratio: number, zeroPoint: number, shift: number): Float64Array | undefined {
  const terms = new Float64Array(values);
  for (let index = 0; index < values; index += 1) {
    const term = roundHalfToEven((index + lowest - zeroPoint) * ratio * 2 ** shift);
    if (!(Math.abs(term) <= termMax)) return undefined;
    terms[index] = term;
  }
  return terms;
}

interface Terms {
  first: Float64Array;
  second: Float64Array;
  shift: number;
  outputZeroPoint: number;
  /** Of every pair, the second operand the faster index. */
  expected: Int8Array;
}

/**
 * Moves terms until every pair gives what is expected; false when no terms do. The sum of each pair must lie
 * between two bounds, which in the first terms and the negated second ones is a system of difference
 * constraints, solved by Bellman and Ford's algorithm. Each term remembers which one it moved for: a circle
 * of these proves a contradiction (Cormen et al., Introduction to Algorithms, lemma 24.16), mostly after a
 * round or two; so does another change once there have been as many rounds as unknowns.
 */
function moveTerms(terms: Terms): boolean {
  const movedFor = new Int16Array(2 * values).fill(unmoved);
  for (let round = 0; round <= 2 * values; round += 1) {
    if (!relax(terms, movedFor)) return true;
    if (hasCircle(movedFor)) return false;
  }
  return false;
}

/** Lowers the first term, or raises the second, of each pair that misses; whether one did. */
function relax({ first, second, shift, outputZeroPoint, expected }: Terms, movedFor: Int16Array): boolean {
  const half = 2 ** (shift - 1);
  let isChanged = false;
  for (let pair = 0; pair < expected.length; pair += 1) {
    const result = expected[pair] as number;
    const distance = result - outputZeroPoint;
    // A tie goes to the even number, so an odd one ends a unit before it.
    const reach = distance % 2 === 0 ? half : half - 1;
    const [one, other] = [pair >> 8, pair & 255];
    const sum = (first[one] as number) + (second[other] as number);
    const above = sum - (distance * 2 * half + reach);
    const below = distance * 2 * half - reach - sum;
    if (above > 0 && result < highest) {
      first[one] = (first[one] as number) - above;
      movedFor[one] = values + other;
    } else if (below > 0 && result > lowest) {
      second[other] = (second[other] as number) + below;
      movedFor[values + other] = one;
    } else continue;
    isChanged = true;
  }
  return isChanged;
}

/** Whether following what each unknown moved for comes back to one of them. */
function hasCircle(movedFor: Int16Array): boolean {
  const walks = new Int16Array(movedFor.length).fill(unmoved);
  for (let start = 0; start < movedFor.length; start += 1) {
    let unknown = start;
    while (unknown !== unmoved && walks[unknown] === unmoved) {
      walks[unknown] = start;
      unknown = movedFor[unknown] as number;
    }
    if (unknown !== unmoved && walks[unknown] === start) return true;
  }
  return false;
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below + Math.abs(below % 2);
  return rest < 0.5 ? below : below + 1;
}

function saturate(value: number): number {
  return Math.min(Math.max(value, lowest), highest);
}
