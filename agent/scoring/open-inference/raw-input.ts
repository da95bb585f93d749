import { SluiceError } from '../../../contract/errors.ts';
import { datatypeBytes, elementCount } from '../../../contract/tensor-data.ts';
import type { Tensor, TensorDescription, TensorSignature } from '../../../contract/tensors.ts';
import { checkData } from '../../tensors/signature.ts';

const lengthBytes = 4;

/**
 * The one input of a model from a body that is nothing else. A dimension that the model leaves open follows from
 * the number of bytes; of several, the first is the batch and is 1. BYTES are one element. Throws
 * `invalid_request` for a model that cannot be asked like this, `tensor_data` for a length that fits no shape.
 */
export function readRawInput(body: Uint8Array, { inputs }: TensorSignature): Tensor {
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) {
    throw new SluiceError(
      'invalid_request',
      `body: one raw tensor, but the model takes ${inputs.length} inputs; send JSON in front of them`,
    );
  }
  const { name, datatype } = input;
  const data = datatype === 'BYTES' ? oneElement(body) : new Uint8Array(body);
  const elements = datatype === 'BYTES' ? 1 : data.length / datatypeBytes[datatype];
  const shape = shapeFor(input, elements);
  checkData({ datatype, shape, data }, `input ${name}`);
  return { name, datatype, shape, data };
}

function oneElement(body: Uint8Array): Uint8Array {
  const data = new Uint8Array(lengthBytes + body.length);
  new DataView(data.buffer).setUint32(0, body.length, true);
  data.set(body, lengthBytes);
  return data;
}

function shapeFor({ name, shape }: TensorDescription, elements: number): number[] {
  const open = shape.flatMap((dimension, axis) => (dimension === -1 ? [axis] : []));
  const isBatch = open.length > 1 && open[0] === 0;
  const free = isBatch ? open.slice(1) : open;
  if (free.length > 1) {
    throw new SluiceError(
      'invalid_request',
      `input ${name}: shape [${shape}] leaves more than one dimension to a raw tensor; send JSON in front of it`,
    );
  }
  const known = elementCount(shape.map((dimension) => (dimension === -1 ? 1 : dimension)));
  const rest = Math.max(1, Math.floor(elements / known));
  return shape.map((dimension, axis) => (dimension !== -1 ? dimension : axis === free[0] ? rest : 1));
}
