import { SluiceError } from '../../../contract/errors.ts';
import { datatypeBytes, elementCount } from '../../../contract/tensor-data.ts';
import type { Tensor, TensorSignature } from '../../../contract/tensors.ts';
import type { JsonPart } from '../../../native/json-numbers.ts';
import { brief } from '../../tensors/brief.ts';
import { encodeNested } from '../../tensors/encode.ts';
import { checkComplete, describedInput, type RequestSignature } from '../../tensors/signature.ts';
import type { RequestJson } from '../request-json.ts';

// The predict API of TensorFlow Serving, which KServe's v1 protocol is too: rows (`instances`, one entry an item)
// or columns (`inputs`, one entry a tensor).

/** Inputs of a predict request, and in which form its answer is due. */
export interface DecodedPredict {
  inputs: Tensor[];
  /** Number of instances; undefined for a request in columns. */
  rows: number | undefined;
}

type PredictJson = Pick<RequestJson, 'value' | 'decodeNested' | 'plain' | 'shapeOf'>;

/** Reads the body of `:predict`. Throws `invalid_request` or a `tensor_…` code that names the field. */
export function decodePredict(json: PredictJson, signature: RequestSignature): DecodedPredict {
  const { instances, inputs, signature_name: name = 'serving_default' } = recordOf(json.value, 'body');
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
  const columns =
    instances === undefined
      ? namedColumns(json, inputs, signature)
      : columnsOfRows(json, instances, signature);
  const tensors = Object.entries(columns).map(([key, data]) =>
    json.decodeNested(describedInput(signature, key), data),
  );
  checkComplete(
    signature,
    tensors.map(({ name: tensor }) => tensor),
  );
  const [listed] = json.shapeOf(instances) ?? [];
  const rows = listed ?? (Array.isArray(instances) ? instances.length : undefined);
  return { inputs: tensors, rows };
}

/** The answer: `predictions` of rows, `outputs` of columns; a single output stands without its name. */
export function encodePredict(outputs: readonly Tensor[], rows: DecodedPredict['rows']): JsonPart[] {
  if (rows === undefined) return ['{"outputs":', ...ofColumns(outputs), '}'];
  const odd = outputs.find(({ shape }) => shape.length === 0 || shape[0] !== rows);
  if (odd !== undefined) {
    throw new SluiceError(
      'invalid_request',
      `output ${odd.name}: shape [${odd.shape}] has no row for each of ${rows} instances; ask in columns, with inputs`,
    );
  }
  const [only, ...others] = outputs;
  if (only !== undefined && others.length === 0) return ['{"predictions":', encodeNested(only), '}'];
  const columns = outputs.map(rowsOf);
  const items = Array.from({ length: rows }, (_, row) =>
    objectOf(columns.map((column) => column[row] as Tensor)),
  );
  return ['{"predictions":[', ...items.flatMap((item, row) => (row === 0 ? item : [',', ...item])), ']}'];
}

function ofColumns(outputs: readonly Tensor[]): JsonPart[] {
  const [only, ...others] = outputs;
  return only !== undefined && others.length === 0 ? [encodeNested(only)] : objectOf(outputs);
}

/** An object of tensors by name. */
function objectOf(tensors: readonly Tensor[]): JsonPart[] {
  const fields = tensors.flatMap((tensor, index) => [
    `${index === 0 ? '{' : ','}${JSON.stringify(tensor.name)}:`,
    encodeNested(tensor),
  ]);
  return [...fields, '}'];
}

/** The items of a tensor. Elements of BYTES have no common size, so they are found one after the other. */
function rowsOf({ name, datatype, shape, data }: Tensor): Tensor[] {
  const [count = 0, ...own] = shape;
  const elements = elementCount(own);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let start = 0;
  return Array.from({ length: count }, () => {
    let end = start + elements * datatypeBytes[datatype];
    if (datatype === 'BYTES') {
      end = start;
      for (let element = 0; element < elements; element += 1) {
        end += datatypeBytes.BYTES + view.getUint32(end, true);
      }
    }
    const row = { name, datatype, shape: own, data: data.subarray(start, end) };
    start = end;
    return row;
  });
}

/** Rows of one input may leave its name out. */
function columnsOfRows(
  json: PredictJson,
  given: unknown,
  { inputs }: TensorSignature,
): Record<string, unknown> {
  const [only, ...others] = inputs;
  if (only !== undefined && others.length === 0 && json.shapeOf(given) !== undefined) {
    return { [only.name]: given };
  }
  const instances = json.plain(given);
  if (!Array.isArray(instances) || instances.length === 0) {
    throw new SluiceError(
      'invalid_request',
      `instances: ${brief(instances)}, a list of at least one was expected`,
    );
  }
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

/** Columns of one input may leave its name out. */
function namedColumns(
  json: PredictJson,
  given: unknown,
  { inputs }: TensorSignature,
): Record<string, unknown> {
  const [only, ...others] = inputs;
  const isRead = json.shapeOf(given) !== undefined;
  if (others.length === 0 && only !== undefined && !isTensorRecord(given)) {
    return { [only.name]: isRead ? given : json.plain(given) };
  }
  return recordOf(isRead ? json.plain(given) : given, 'inputs');
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
