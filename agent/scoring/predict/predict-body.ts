import { SluiceError } from '../../../contract/errors.ts';
import { datatypeBytes, elementCount, type Tensor, type TensorSignature } from '../../../contract/tensors.ts';
import { brief } from '../../tensors/brief.ts';
import { encodeNested } from '../../tensors/encode.ts';
import { decodeNested } from '../../tensors/nested-input.ts';
import { checkComplete, describedInput } from '../../tensors/signature.ts';

// The predict API of TensorFlow Serving, which KServe's v1 protocol is too: rows (`instances`, one entry an item)
// or columns (`inputs`, one entry a tensor).

/** Inputs of a predict request, and in which form its answer is due. */
export interface DecodedPredict {
  inputs: Tensor[];
  form: 'rows' | 'columns';
}

/** Reads the body of `:predict`. Throws `invalid_request` or a `tensor_…` code that names the field. */
export function decodePredict(body: unknown, signature: TensorSignature): DecodedPredict {
  const { instances, inputs, signature_name: name = 'serving_default' } = recordOf(body, 'body');
  if (name !== 'serving_default') {
    throw new SluiceError(
      'invalid_request',
      `signature_name: ${brief(name)}; there is serving_default alone`,
    );
  }
  if ((instances === undefined) === (inputs === undefined)) {
    throw new SluiceError(
      'invalid_request',
      'body: either instances (rows) or inputs (columns) was expected',
    );
  }
  const form = instances === undefined ? 'columns' : 'rows';
  const columns = form === 'rows' ? columnsOfRows(instances, signature) : namedColumns(inputs, signature);
  const tensors = Object.entries(columns).map(([key, data]) => {
    const description = describedInput(signature, key);
    return decodeNested(description, description.datatype === 'BYTES' ? withoutBase64(data) : data);
  });
  checkComplete(
    signature,
    tensors.map(({ name: tensor }) => tensor),
  );
  return { inputs: tensors, form };
}

/** The answer: `predictions` of rows, `outputs` of columns; a single output stands without its name. */
export function encodePredict(outputs: readonly Tensor[], form: DecodedPredict['form']): string {
  if (form === 'columns') return `{"outputs":${ofColumns(outputs)}}`;
  const [only, ...others] = outputs;
  const count = only?.shape[0] ?? 0;
  const odd = outputs.find(({ shape }) => shape.length === 0 || shape[0] !== count);
  if (odd !== undefined) {
    throw new SluiceError(
      'invalid_request',
      `output ${odd.name}: shape [${odd.shape}] has no row for each instance; ask in columns, with inputs`,
    );
  }
  if (only !== undefined && others.length === 0) return `{"predictions":${encodeNested(only)}}`;
  const rows = Array.from({ length: count }, (_, row) => {
    const fields = outputs.map(
      (output) => `${JSON.stringify(output.name)}:${encodeNested(rowOf(output, row))}`,
    );
    return `{${fields.join(',')}}`;
  });
  return `{"predictions":[${rows.join(',')}]}`;
}

function ofColumns(outputs: readonly Tensor[]): string {
  const [only, ...others] = outputs;
  if (only !== undefined && others.length === 0) return encodeNested(only);
  return `{${outputs.map((output) => `${JSON.stringify(output.name)}:${encodeNested(output)}`).join(',')}}`;
}

/** One item of a tensor. Elements of BYTES have no common size, so they are found one after the other. */
function rowOf({ name, datatype, shape, data }: Tensor, row: number): Tensor {
  const own = shape.slice(1);
  const elements = elementCount(own);
  if (datatype !== 'BYTES') {
    const bytes = elements * datatypeBytes[datatype];
    return { name, datatype, shape: own, data: data.subarray(row * bytes, (row + 1) * bytes) };
  }
  const start = byteOffsetOf(data, row * elements);
  return { name, datatype, shape: own, data: data.subarray(start, byteOffsetOf(data, (row + 1) * elements)) };
}

function byteOffsetOf(data: Uint8Array, element: number): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let offset = 0;
  for (let index = 0; index < element; index += 1) {
    offset += datatypeBytes.BYTES + view.getUint32(offset, true);
  }
  return offset;
}

/** Rows of one input may leave its name out. */
function columnsOfRows(instances: unknown, { inputs }: TensorSignature): Record<string, unknown> {
  if (!Array.isArray(instances) || instances.length === 0) {
    throw new SluiceError(
      'invalid_request',
      `instances: ${brief(instances)}, a list of at least one was expected`,
    );
  }
  const [only, ...others] = inputs;
  const isNamed = others.length > 0 || isTensorRecord(instances[0]);
  if (!isNamed && only !== undefined) return { [only.name]: instances };
  const rows = instances.map((instance, index) => recordOf(instance, `instances[${index}]`));
  const names = Object.keys(rows[0] ?? {});
  for (const [index, row] of rows.entries()) {
    const keys = Object.keys(row);
    if (keys.length === names.length && names.every((name) => Object.hasOwn(row, name))) continue;
    throw new SluiceError(
      'invalid_request',
      `instances[${index}]: other inputs than instances[0] (${names.join(', ')})`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])]));
}

function namedColumns(given: unknown, { inputs }: TensorSignature): Record<string, unknown> {
  const [only, ...others] = inputs;
  if (others.length === 0 && only !== undefined && !isTensorRecord(given)) return { [only.name]: given };
  return recordOf(given, 'inputs');
}

/** An object of tensors by name, and not one that stands for bytes. */
function isTensorRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Object.hasOwn(value, 'b64');
}

function recordOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new SluiceError('invalid_request', `${where}: ${brief(value)}, an object was expected`);
}

/** `{"b64": text}` stands for the bytes that the text encodes; as ONNX's strings they are UTF-8. */
function withoutBase64(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(withoutBase64);
  const text = (data as { b64?: unknown } | null)?.b64;
  return typeof text === 'string' ? Buffer.from(text, 'base64').toString('utf8') : data;
}
