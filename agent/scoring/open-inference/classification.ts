import { writeByteElements } from '../../../contract/byte-elements.ts';
import { SluiceError } from '../../../contract/errors.ts';
import { elementCount } from '../../../contract/tensor-data.ts';
import type { Tensor } from '../../../contract/tensors.ts';
import { elementsOf } from '../../tensors/element-arrays.ts';
import { shortFloats } from '../../tensors/short-floats.ts';

/**
 * The largest values of an output instead of all (Triton's classification extension): BYTES elements
 * `value:index`, largest first, equal ones in the order of their index; NaN last. An output whose first
 * dimension is the batch is classified item by item. Throws `tensor_datatype` for what has no order.
 */
export function classify(
  tensor: Tensor,
  { classes, isBatched }: { classes: number; isBatched: boolean },
): Tensor {
  const { name, datatype, shape } = tensor;
  if (datatype === 'BOOL' || datatype === 'BYTES') {
    throw new SluiceError(
      'tensor_datatype',
      `output ${name}: ${datatype} has no largest values to classify by`,
    );
  }
  const elements = elementsOf(tensor) as ArrayLike<number | bigint>;
  const short = shortFloats[datatype];
  const valueAt = (index: number): number | bigint => {
    const element = elements[index] as number | bigint;
    return short === undefined ? element : short.toNumber(element as number);
  };
  const isFraction = short !== undefined || datatype === 'FP32' || datatype === 'FP64';
  const items = isBatched ? (shape[0] ?? 1) : 1;
  const itemElements = elementCount(shape) / Math.max(1, items);
  const count = Math.min(classes, itemElements);
  const texts: string[] = [];
  for (let item = 0; item < items; item += 1) {
    const first = item * itemElements;
    for (const index of largestOf({ first, count: itemElements, most: count }, valueAt)) {
      texts.push(`${textOf(valueAt(index), isFraction)}:${index - first}`);
    }
  }
  return {
    name,
    datatype: 'BYTES',
    shape: isBatched ? [items, count] : [count],
    data: writeByteElements(texts),
  };
}

/** Indices of the largest values of a range, in order. The worst of those that are kept is the heap's first. */
function largestOf(
  { first, count, most }: { first: number; count: number; most: number },
  valueAt: (index: number) => number | bigint,
): number[] {
  const before = (one: number, other: number): boolean =>
    (compare(valueAt(one), valueAt(other)) || one - other) < 0;
  const heap: number[] = [];
  const sink = (): void => {
    let place = 0;
    for (;;) {
      const [left, right] = [2 * place + 1, 2 * place + 2];
      let worst = place;
      for (const child of [left, right]) {
        if (child < heap.length && before(heap[worst] as number, heap[child] as number)) worst = child;
      }
      if (worst === place) return;
      [heap[place], heap[worst]] = [heap[worst] as number, heap[place] as number];
      place = worst;
    }
  };
  for (let index = first; index < first + count; index += 1) {
    if (heap.length < most) {
      heap.push(index);
      // Worst first is a heap, whatever comes after it.
      if (heap.length === most) heap.sort((one, other) => (before(one, other) ? 1 : -1));
    } else if (most > 0 && before(index, heap[0] as number)) {
      heap[0] = index;
      sink();
    }
  }
  return heap.sort((one, other) => (before(one, other) ? -1 : 1));
}

function compare(first: number | bigint, second: number | bigint): number {
  if (first > second) return -1;
  if (first < second) return 1;
  // Equal, or one of them is NaN.
  return Number(Number.isNaN(first)) - Number(Number.isNaN(second));
}

/** Triton writes fractions with six decimals, as C's `%f` does. */
function textOf(value: number | bigint, isFraction: boolean): string {
  if (typeof value === 'bigint' || !isFraction) return String(value);
  if (Number.isNaN(value)) return 'nan';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return `${sign}inf`;
  // Beyond it toFixed turns to exponents; such floats are whole.
  return size >= 1e21 ? `${sign}${BigInt(size)}.000000` : `${sign}${size.toFixed(6)}`;
}
