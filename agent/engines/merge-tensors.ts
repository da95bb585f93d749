import { SluiceError } from '../../contract/errors.ts';
import { datatypeBytes, elementCount } from '../../contract/tensor-data.ts';
import type { Tensor } from '../../contract/tensors.ts';

/** Items of a request: the first dimension of its tensors; undefined when they disagree. */
export function itemsOf(tensors: readonly Tensor[]): number | undefined {
  const items = tensors[0]?.shape[0];
  return tensors.every(({ shape }) => shape[0] === items) ? items : undefined;
}

/** Equal for requests whose tensors differ in their items alone: those that can be merged. */
export function mergeKeyOf(tensors: readonly Tensor[]): string {
  return tensors.map(({ name, datatype, shape }) => `${name} ${datatype} ${shape.slice(1)}`).join(';');
}

/** Copies requests of one key behind each other. */
export function mergeTensors(requests: readonly (readonly Tensor[])[]): Tensor[] {
  const [first = []] = requests;
  return first.map(({ name, datatype, shape }, index) => {
    const parts = requests.map((tensors) => tensors[index] as Tensor);
    const items = parts.reduce((sum, part) => sum + (part.shape[0] as number), 0);
    const data = concatenated(parts.map((part) => part.data));
    return { name, datatype, shape: [items, ...shape.slice(1)], data };
  });
}

/** Bytes behind each other. */
export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/**
 * The outputs of each request of a merged run, as views: an item's bytes begin at a multiple of its element. Throws
 * `engine_failed` for an output that has not as many items as the run.
 */
export function splitTensors(outputs: readonly Tensor[], items: readonly number[]): Tensor[][] {
  const total = items.reduce((sum, count) => sum + count, 0);
  const cuts = outputs.map((output) => {
    if (output.shape[0] === total) return cutsOf(output, items);
    const text = `output ${output.name}: shape [${output.shape}] from a run of ${total} items; its first dimension is not the batch`;
    throw new SluiceError('engine_failed', text);
  });
  return items.map((count, request) =>
    outputs.map((output, index) => {
      const [start, end] = [cuts[index]?.[request], cuts[index]?.[request + 1]];
      return { ...output, shape: [count, ...output.shape.slice(1)], data: output.data.subarray(start, end) };
    }),
  );
}

/** Where each request's bytes begin, and where the last one's end. */
function cutsOf({ datatype, shape, data }: Tensor, items: readonly number[]): number[] {
  const elements = elementCount(shape.slice(1));
  const cuts = [0];
  let end = 0;
  for (const count of items) {
    end =
      datatype === 'BYTES'
        ? endOfByteElements(data, end, count * elements)
        : end + count * elements * datatypeBytes[datatype];
    cuts.push(end);
  }
  return cuts;
}

/** Each element has its length in front (contract/byte-elements.ts). */
function endOfByteElements(data: Uint8Array, start: number, count: number): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let end = start;
  for (let element = 0; element < count; element += 1) {
    end += datatypeBytes.BYTES + view.getUint32(end, true);
  }
  return end;
}
