import { SluiceError } from '../../contract/errors.ts';
import type { NpuBinding } from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import { elementCount } from '../../contract/tensor-data.ts';
import type { TensorDescription } from '../../contract/tensors.ts';
import type { ItemWalk } from './pack.ts';

/** A float tensor of a route and where its items stand in a region of the NPU. */
export interface BoundTensor {
  description: TensorDescription;
  /** Floats of one item. */
  itemElements: number;
  /** Items of one run; undefined where the batch is open. */
  items: number | undefined;
  /** Bytes of one item that belong to this tensor, padding lanes included. */
  firstByte: number;
  endByte: number;
  walk: ItemWalk;
}

/** What a region is like: its hardware's `inputParallel` and the bytes that the program gives it. */
export interface RegionForm {
  inputParallel: number;
  regionBytes: number;
}

/** Ties a tensor to its place. Throws `manifest_invalid` unless tensor, region and hardware take the binding. */
export function bindTensor(
  description: TensorDescription,
  binding: NpuBinding,
  { inputParallel, regionBytes }: RegionForm,
): BoundTensor {
  const { channels, rows, columns, offsetBytes } = binding;
  const where = `tensor ${description.name}`;
  if (description.datatype !== 'FP32') {
    throw invalid(`${where} is ${description.datatype}; the NPU route takes FP32`);
  }
  const scale = Math.fround(binding.scale);
  if (!(scale > 0 && Number.isFinite(scale))) {
    throw invalid(`${where} has the scale ${binding.scale}, which is no positive finite float32`);
  }
  const itemElements = channels * rows * columns;
  if (itemElements > limits.npuItemElementsMax) {
    throw invalid(
      `${where} has ${itemElements} elements an item, at most ${limits.npuItemElementsMax} allowed`,
    );
  }
  checkStrides(where, binding);
  const endByte = offsetBytes + Math.ceil(channels / inputParallel) * rows * columns * inputParallel;
  if (offsetBytes % inputParallel !== 0) {
    throw invalid(`${where} begins at byte ${offsetBytes}, a multiple of ${inputParallel} expected`);
  }
  if (endByte > regionBytes) {
    throw invalid(`${where} ends at byte ${endByte} of the program's region of ${regionBytes} bytes`);
  }
  return {
    description,
    itemElements,
    items: itemsOf(description, itemElements),
    firstByte: offsetBytes,
    endByte,
    walk: walkOf(binding, { scale, inputParallel }),
  };
}

/** Throws `manifest_invalid` when two inputs claim a byte, which would depend on their order. */
export function checkDisjoint(inputs: readonly BoundTensor[]): void {
  const sorted = inputs.toSorted((left, right) => left.firstByte - right.firstByte);
  for (const [index, { description, endByte }] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next === undefined || endByte <= next.firstByte) continue;
    throw invalid(
      `tensors ${description.name} and ${next.description.name} share byte ${next.firstByte} of the region`,
    );
  }
}

/** A fault of the run manifest. */
export function invalid(reason: string): SluiceError {
  return new SluiceError('manifest_invalid', `run manifest: ${reason}`);
}

/** The directions of more than one element, by stride, fill an item without gap or overlap. */
function checkStrides(where: string, binding: NpuBinding): void {
  const { channels, rows, columns, channelStride, rowStride, columnStride } = binding;
  const directions = [
    { size: channels, stride: channelStride },
    { size: rows, stride: rowStride },
    { size: columns, stride: columnStride },
  ];
  let expected = 1;
  for (const { size, stride } of directions.filter((each) => each.size > 1).sort(byStride)) {
    if (stride !== expected) {
      throw invalid(
        `${where} has the strides ${channelStride}, ${rowStride}, ${columnStride} for ${channels} x ${rows} x ${columns} elements, which do not cover each exactly once`,
      );
    }
    expected *= size;
  }
}

function byStride(left: { stride: number }, right: { stride: number }): number {
  return left.stride - right.stride;
}

/** The first dimension counts items, or the tensor is one item. */
function itemsOf({ name, shape }: TensorDescription, itemElements: number): number | undefined {
  const [first = 1, ...rest] = shape;
  if (!rest.includes(-1)) {
    if (elementCount(rest) === itemElements && first !== 0) return first === -1 ? undefined : first;
    if (elementCount(shape) === itemElements) return 1;
  }
  throw invalid(`tensor ${name} of shape [${shape}] is bound to ${itemElements} elements an item`);
}

function walkOf(
  binding: NpuBinding,
  { scale, inputParallel: width }: { scale: number; inputParallel: number },
): ItemWalk {
  const { channels, rows, columns, channelStride, rowStride, columnStride, offsetBytes, zeroPoint } = binding;
  const common = { offsetBytes, scale, zeroPoint };
  const nothing = { tensor: 0, region: 0 };
  if (rows * columns === 1) {
    // Blocks of one pixel follow each other without gaps: channels stand in the region as they are counted.
    return {
      ...common,
      ...{ blocks: 1, rows: 1, columns: 1, lanes: channels, lastLanes: channels, isColumnInner: false },
      ...{ block: nothing, row: nothing, column: nothing },
      lane: { tensor: channelStride, region: 1 },
    };
  }
  const blocks = Math.ceil(channels / width);
  return {
    ...common,
    ...{ blocks, rows, columns, lanes: width, lastLanes: channels - (blocks - 1) * width },
    isColumnInner: columns > 1 && (channels === 1 || columnStride < channelStride),
    block: { tensor: width * channelStride, region: rows * columns * width },
    row: { tensor: rowStride, region: columns * width },
    column: { tensor: columnStride, region: width },
    lane: { tensor: channelStride, region: 1 },
  };
}
