import { datatypeBytes, elementCount } from '../../contract/tensor-data.ts';
import type { Datatype, Tensor, TensorSignature } from '../../contract/tensors.ts';
import { numberToBfloat16 } from '../tensors/brain-float.ts';
import { bytesOf, type ElementArray, elementArrays } from '../tensors/element-arrays.ts';
import { numberToHalf } from '../tensors/half.ts';

/** How a random number below 1 becomes an element. Other datatypes hold indices, counts and texts, not measured values. */
const elements: Partial<Record<Datatype, (random: number) => number>> = {
  FP16: (random) => numberToHalf(2 * random - 1),
  BF16: (random) => numberToBfloat16(2 * random - 1),
  FP32: (random) => 2 * random - 1,
  FP64: (random) => 2 * random - 1,
  INT8: (random) => Math.floor(random * 256) - 128,
  UINT8: (random) => Math.floor(random * 256),
};

/**
 * Whether a model can be tried out with values that nobody gave: every dimension but the first is known, and
 * inputs are floats or bytes, so that no value decides how much there is to compute.
 */
export function canBeProbed({ inputs, outputs }: TensorSignature): boolean {
  return (
    inputs.every(({ datatype }) => elements[datatype] !== undefined) &&
    [...inputs, ...outputs].every(({ shape }) => !shape.slice(1).includes(-1))
  );
}

/** Bytes of one item's inputs. */
export function itemBytesOf({ inputs }: TensorSignature): number {
  return inputs.reduce(
    (sum, { datatype, shape }) => sum + elementCount(shape.map(Math.abs)) * datatypeBytes[datatype],
    0,
  );
}

/** Inputs of so many items, the same for the same seed. */
export function probeInputs(
  { inputs }: TensorSignature,
  { items, seed }: { items: number; seed: number },
): Tensor[] {
  const random = pseudoRandom(seed);
  return inputs.map(({ name, datatype, shape: described }) => {
    const shape = described.map((dimension) => (dimension === -1 ? items : dimension));
    const element = elements[datatype] as (random: number) => number;
    const values = new elementArrays[datatype](elementCount(shape)) as Exclude<
      ElementArray,
      BigInt64Array | BigUint64Array
    >;
    for (let index = 0; index < values.length; index += 1) values[index] = element(random());
    return { name, datatype, shape, data: bytesOf(values) };
  });
}

/** Numbers from 0 to below 1: the linear congruential generator of Numerical Recipes. */
function pseudoRandom(seed: number): () => number {
  // Neighbouring seeds must not begin alike: they make the items of one batch.
  let state = Math.imul(seed + 1, 0x9e37_79b1) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
