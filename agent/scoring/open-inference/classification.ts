import { writeByteElements } from '../../../contract/byte-elements.ts';
import { SluiceError } from '../../../contract/errors.ts';
import { elementCount, type Tensor } from '../../../contract/tensors.ts';
import { elementsOf } from '../../tensors/element-arrays.ts';
import { halfToNumber } from '../../tensors/half.ts';

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
  const elements = elementsOf(tensor);
  const values = Array.from(elements as ArrayLike<number | bigint>, (value) =>
    datatype === 'FP16' ? halfToNumber(value as number) : value,
  );
  const isFraction = datatype.startsWith('FP');
  const items = isBatched ? (shape[0] ?? 1) : 1;
  const itemElements = elementCount(shape) / Math.max(1, items);
  const count = Math.min(classes, itemElements);
  const texts: string[] = [];
  for (let item = 0; item < items; item += 1) {
    const own = values.slice(item * itemElements, (item + 1) * itemElements);
    const order = own
      .map((_, index) => index)
      .sort((one, other) => compare(own[one], own[other]) || one - other);
    for (const index of order.slice(0, count)) texts.push(`${textOf(own[index], isFraction)}:${index}`);
  }
  return {
    name,
    datatype: 'BYTES',
    shape: isBatched ? [items, count] : [count],
    data: writeByteElements(texts),
  };
}

function compare(one: number | bigint | undefined, other: number | bigint | undefined): number {
  const [first, second] = [one ?? Number.NaN, other ?? Number.NaN];
  if (first > second) return -1;
  if (first < second) return 1;
  // Equal, or one of them is NaN.
  return Number(Number.isNaN(first)) - Number(Number.isNaN(second));
}

/** Triton writes fractions with six decimals, as C's `%f` does. */
function textOf(value: number | bigint | undefined, isFraction: boolean): string {
  return isFraction && Number.isFinite(value) ? (value as number).toFixed(6) : String(value).toLowerCase();
}
