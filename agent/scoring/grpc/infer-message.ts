import type protobuf from 'protobufjs';
import { SluiceError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import type { InferRequest } from '../../../contract/open-inference.ts';
import { checkBounds } from '../open-inference/request-bounds.ts';
import { type FieldReader, type FieldReaders, readFields, tagOf, wireTypes } from './fields.ts';

type Parameters = Record<string, unknown>;
type Input = InferRequest['inputs'][number];
type Output = NonNullable<InferRequest['outputs']>[number];

/** A `ModelInferRequest`: what it says, and the data of its inputs in either form. */
export interface InferMessage {
  modelName: string;
  /** Empty when any will do. */
  modelVersion: string;
  id: string;
  request: InferRequest;
  /** Of each input the `InferTensorContents` that came, in parts that follow each other. */
  contents: Uint8Array[][];
  /** `raw_input_contents`. */
  raw: Uint8Array[];
  /** Of the whole message. */
  bytes: number;
}

/**
 * Reads a `ModelInferRequest`. Data stays where it is: what comes back are views of the message. Throws
 * `invalid_request` for what is no such message, `limit_exceeded` for more parts than a request can have.
 */
export function readInferMessage(message: Uint8Array): InferMessage {
  const found: FoundRequest = {
    ...{ modelName: '', modelVersion: '', id: '', parameters: new FoundParameters() },
    ...{ inputs: [], outputs: [], contents: [], raw: [] },
  };
  try {
    readFields(message, found, requestFields);
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('invalid_request', `message: no ModelInferRequest (${reason})`, { cause: thrown });
  }
  const { modelName, modelVersion, id, inputs, outputs, contents, raw } = found;
  const request: InferRequest = { inputs, outputs, parameters: found.parameters.values };
  if (id !== '') request.id = id;
  checkBounds(request);
  return { modelName, modelVersion, id, request, contents, raw, bytes: message.length };
}

interface FoundRequest {
  modelName: string;
  modelVersion: string;
  id: string;
  parameters: FoundParameters;
  inputs: Input[];
  outputs: Output[];
  contents: Uint8Array[][];
  raw: Uint8Array[];
}

interface FoundTensor {
  name: string;
  datatype: string;
  shape: number[];
  parameters: FoundParameters;
  contents: Uint8Array[];
}

/** Entries of a `map<string, InferParameter>`. */
class FoundParameters {
  /** Without a prototype: a client chooses the names. */
  readonly values = Object.create(null) as Parameters;
  #entries = 0;

  add(entry: Uint8Array): void {
    this.#entries += 1;
    checkCount(this.#entries, 'parameters', limits.inferParametersMax);
    const { key, value } = readFields(entry, { key: '', value: undefined }, entryFields);
    if (value !== undefined) this.values[key] = value;
  }
}

interface FoundEntry {
  key: string;
  value: unknown;
}

const { varint, fixed64, bytes } = wireTypes;
const tensorsMax = limits.inferTensorsMax;

/** Reads a text into a field of what the message becomes. */
function textInto<Key extends string>(key: Key): FieldReader<Record<Key, string>> {
  return (target, reader) => {
    target[key] = reader.string();
  };
}

/** Reads a parameter's value in one of its forms. */
function valueInto(read: (reader: protobuf.Reader) => unknown): FieldReader<FoundEntry> {
  return (entry, reader) => {
    entry.value = read(reader);
  };
}

const valueFields: FieldReaders<FoundEntry> = new Map([
  [tagOf(1, varint), valueInto((reader) => reader.bool())],
  [tagOf(2, varint), valueInto((reader) => wholeNumber(reader.int64()))],
  [tagOf(3, bytes), valueInto((reader) => reader.string())],
  [tagOf(4, fixed64), valueInto((reader) => reader.double())],
  [tagOf(5, varint), valueInto((reader) => wholeNumber(reader.uint64()))],
]);

const entryFields: FieldReaders<FoundEntry> = new Map<number, FieldReader<FoundEntry>>([
  [tagOf(1, bytes), textInto('key')],
  [tagOf(2, bytes), (entry, reader) => void readFields(reader.bytes(), entry, valueFields)],
]);

const outputFields: FieldReaders<FoundTensor> = new Map<number, FieldReader<FoundTensor>>([
  [tagOf(1, bytes), textInto('name')],
  [tagOf(2, bytes), (tensor, reader) => tensor.parameters.add(reader.bytes())],
]);

const inputFields: FieldReaders<FoundTensor> = new Map<number, FieldReader<FoundTensor>>([
  [tagOf(1, bytes), textInto('name')],
  [tagOf(2, bytes), textInto('datatype')],
  [tagOf(3, varint), (tensor, reader) => addDimension(tensor, reader)],
  [tagOf(3, bytes), (tensor, reader) => addDimensions(tensor, reader)],
  [tagOf(4, bytes), (tensor, reader) => tensor.parameters.add(reader.bytes())],
  [
    tagOf(5, bytes),
    (tensor, reader) => checkCount(tensor.contents.push(reader.bytes()), 'contents', tensorsMax),
  ],
]);

const requestFields: FieldReaders<FoundRequest> = new Map<number, FieldReader<FoundRequest>>([
  [tagOf(1, bytes), textInto('modelName')],
  [tagOf(2, bytes), textInto('modelVersion')],
  [tagOf(3, bytes), textInto('id')],
  [tagOf(4, bytes), (found, reader) => found.parameters.add(reader.bytes())],
  [tagOf(5, bytes), (found, reader) => addInput(found, reader.bytes())],
  [tagOf(6, bytes), (found, reader) => addOutput(found, reader.bytes())],
  [
    tagOf(7, bytes),
    (found, reader) => checkCount(found.raw.push(reader.bytes()), 'raw_input_contents', tensorsMax),
  ],
]);

function addInput(found: FoundRequest, message: Uint8Array): void {
  const { name, datatype, shape, parameters, contents } = readFields(message, newTensor(), inputFields);
  checkCount(
    found.inputs.push({ name, datatype, shape, parameters: parameters.values }),
    'inputs',
    tensorsMax,
  );
  found.contents.push(contents);
}

function addOutput(found: FoundRequest, message: Uint8Array): void {
  const { name, parameters } = readFields(message, newTensor(), outputFields);
  checkCount(found.outputs.push({ name, parameters: parameters.values }), 'outputs', tensorsMax);
}

function newTensor(): FoundTensor {
  return { name: '', datatype: '', shape: [], parameters: new FoundParameters(), contents: [] };
}

function addDimension({ shape }: FoundTensor, reader: protobuf.Reader): void {
  checkCount(shape.push(Number(reader.int64())), 'dimensions', limits.tensorRankMax);
}

function addDimensions(tensor: FoundTensor, reader: protobuf.Reader): void {
  const length = reader.size();
  const end = reader.pos + length;
  while (reader.pos < end) addDimension(tensor, reader);
}

/** As JSON has it: digits where a number would be rounded. */
function wholeNumber(value: { toString(): string }): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function checkCount(count: number, what: string, most: number): void {
  if (count > most) throw new SluiceError('limit_exceeded', `message: more than ${most} ${what}`);
}
