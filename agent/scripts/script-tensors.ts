import { type ByteElement, readByteElements } from '../../contract/byte-elements.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { Datatype, Tensor } from '../../contract/tensors.ts';
import { decodeElements } from '../tensors/decode.ts';
import { bytesOf, type ElementArray, elementArrays, elementsOf } from '../tensors/element-arrays.ts';
import { checkComplete, checkShape, describedInput, type RequestSignature } from '../tensors/signature.ts';

/** One tensor as a script gets it from `context.infer`. */
export interface ScriptTensor {
  datatype: Datatype;
  shape: number[];
  /** BYTES as texts, FP16 and BF16 as their bits. */
  data: ElementArray | ByteElement[];
}

/**
 * Reads what a script passes to `context.infer`: `{ name: { datatype?, shape, data } }`, where data is a typed
 * array of the datatype or an array as in JSON. The datatype defaults to the signature's.
 * Throws the `tensor_…` codes.
 */
export function readScriptTensors(value: unknown, signature: RequestSignature): Tensor[] {
  if (typeof value !== 'object' || value === null) {
    throw new SluiceError('tensor_name', 'context.infer: an object of input name to tensor was expected');
  }
  checkComplete(signature, Object.keys(value));
  return Object.entries(value).map(([name, tensor]) => readTensor(name, tensor, signature));
}

function readTensor(name: string, value: unknown, signature: RequestSignature): Tensor {
  const description = describedInput(signature, name);
  const { datatype = description.datatype, shape, data } = Object(value) as Record<string, unknown>;
  if (datatype !== description.datatype) {
    throw new SluiceError(
      'tensor_datatype',
      `input ${name}: datatype ${String(datatype)}, ${description.datatype} expected`,
    );
  }
  checkShape(description, shape);
  return {
    name,
    datatype: description.datatype,
    shape,
    data: readData({ name, datatype: description.datatype, shape }, data),
  };
}

function readData(tensor: { name: string; datatype: Datatype; shape: number[] }, data: unknown): Uint8Array {
  const ElementsOfType = elementArrays[tensor.datatype];
  if (!ArrayBuffer.isView(data) || tensor.datatype === 'BYTES')
    return decodeElements({ ...tensor, where: `input ${tensor.name}` }, data);
  const count = tensor.shape.reduce((product, dimension) => product * dimension, 1);
  if (!(data instanceof ElementsOfType) || data.length !== count) {
    throw new SluiceError(
      'tensor_data',
      `input ${tensor.name}: ${data.constructor.name} of ${data.byteLength} bytes, ${ElementsOfType.name} of ${count} elements expected`,
    );
  }
  return bytesOf(data);
}

/** Gives outputs to a script as typed arrays by name. */
export function toScriptTensors(outputs: readonly Tensor[]): Record<string, ScriptTensor> {
  return Object.fromEntries(
    outputs.map((output) => [
      output.name,
      { datatype: output.datatype, shape: output.shape, data: scriptElements(output) },
    ]),
  );
}

function scriptElements(output: Tensor): ElementArray | ByteElement[] {
  return output.datatype === 'BYTES' ? readByteElements(output.data) : elementsOf(output);
}
