import { parserOf } from '../../../base/validate.ts';
import { SluiceError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { InferRequest } from '../../../contract/open-inference.ts';
import { datatypeBytes } from '../../../contract/tensor-data.ts';
import type { Datatype, Tensor, TensorSignature } from '../../../contract/tensors.ts';
import {
  agreedSequence,
  type SequenceRequest,
  sequenceOfParameters,
} from '../../sequences/sequence-request.ts';
import { type StatefulModel, signatureFor } from '../../sequences/stateful-model.ts';
import { brief } from '../../tensors/brief.ts';
import {
  checkComplete,
  checkData,
  checkShape,
  describedInput,
  nameList,
  type RequestSignature,
} from '../../tensors/signature.ts';
import { RequestJson, requestKind } from '../request-json.ts';
import { BinaryReader, type InferBody } from './infer-body.ts';
import { booleanParameter, integerParameter, type Parameters, refuseParameters } from './parameters.ts';
import { readRawInput } from './raw-input.ts';
import { checkBounds } from './request-bounds.ts';

const parser = parserOf(InferRequest, { what: 'infer request', code: 'invalid_request' });
const sharedMemory = ['shared_memory_region', 'shared_memory_offset', 'shared_memory_byte_size'] as const;

/** An output that a request asks for. */
export interface WantedOutput {
  name: string;
  /** Behind the JSON instead of in it. */
  isBinary: boolean;
  /** How many of the largest values to answer as `value:index`, instead of all; 0 for the tensor itself. */
  classes: number;
}

/** An infer request that fits the model. */
export interface DecodedInfer {
  id: string | undefined;
  inputs: Tensor[];
  /** In the order asked for. */
  outputs: WantedOutput[];
  /** Microseconds that the answer may take, 0 for no limit (Triton's schedule policy extension). */
  timeoutUs: number;
  /** 1 is the most urgent; 0 is the default. */
  priority: number;
  /** What the parameters, or the headers, say of a sequence. */
  sequence: SequenceRequest | undefined;
}

/** What a request may belong to. */
export interface Sequencing extends Pick<StatefulModel, 'sequences'> {
  /** What the headers say. */
  header: SequenceRequest | undefined;
}

/**
 * Reads an infer request against the model's signature: JSON, JSON with tensors behind it, or one raw tensor.
 * Throws `invalid_json`, `invalid_request` or a `tensor_…` code that names the field.
 */
export async function decodeInferRequest(
  { json, binary }: InferBody,
  whole: TensorSignature,
  { sequences, header }: Sequencing = { sequences: undefined, header: undefined },
): Promise<DecodedInfer> {
  if (json === undefined) {
    const signature = signatureFor({ signature: whole, sequences }, header);
    const outputs = signature.outputs.map(({ name }) => ({ name, isBinary: true, classes: 0 }));
    const inputs = [readRawInput(binary, signature)];
    return { id: undefined, inputs, outputs, timeoutUs: 0, priority: 0, sequence: header };
  }
  const text = await RequestJson.read(json, requestKind('infer', { signature: whole, sequences }));
  checkBounds(text.value);
  const reader = new BinaryReader(binary);
  const model = { signature: whole, sequences, header };
  const decoded = checkInferRequest(parser.parse(text.value), model, (input, target) =>
    readData(input, target, { text, reader }),
  );
  reader.checkEmpty();
  return decoded;
}

/** What the data of an input must become; `where` begins messages. */
export interface InputTarget {
  /** Which input of the request. */
  index: number;
  datatype: Datatype;
  shape: number[];
  where: string;
}

/**
 * Reads an infer request of any protocol against the model; `readData` gives the data of an input, whose name,
 * datatype and shape are checked already. Throws `invalid_request` or a `tensor_…` code that names the field.
 */
export function checkInferRequest(
  request: InferRequest,
  { signature: whole, sequences, header }: Sequencing & { signature: TensorSignature },
  readData: (input: Input, target: InputTarget) => Uint8Array,
): DecodedInfer {
  const { parameters } = request;
  const where = 'parameters';
  const sequence = agreedSequence(sequenceOfParameters(parameters), header);
  const signature = signatureFor({ signature: whole, sequences }, sequence);
  const inputs = request.inputs.map((input, index) => {
    const target = inputTarget(input, index, signature);
    const { datatype, shape } = target;
    return { name: input.name, datatype, shape, data: readData(input, target) };
  });
  checkComplete(
    signature,
    inputs.map(({ name }) => name),
  );
  return {
    id: request.id,
    inputs,
    outputs: wantedOutputs(request, signature),
    timeoutUs: integerParameter(parameters, 'timeout', { where }) ?? 0,
    priority: integerParameter(parameters, 'priority', { where, maximum: limits.priorityLevels }) ?? 0,
    sequence,
  };
}

type Input = InferRequest['inputs'][number];

function inputTarget(input: Input, index: number, signature: RequestSignature): InputTarget {
  const { name, shape } = input;
  const description = describedInput(signature, name);
  const { datatype } = description;
  const where = `inputs[${index}] (${name})`;
  if (input.datatype !== datatype) {
    throw new SluiceError(
      'tensor_datatype',
      `${where}: datatype ${brief(input.datatype)}, ${datatype} expected`,
    );
  }
  checkShape(description, shape);
  refuseParameters(input.parameters, sharedMemory, where);
  return { index, datatype, shape, where };
}

function readData(
  input: Input,
  { datatype, shape, where }: InputTarget,
  { text, reader }: { text: RequestJson; reader: BinaryReader },
): Uint8Array {
  const size = integerParameter(input.parameters, 'binary_data_size', { where });
  if (size === undefined) {
    if (input.data === undefined) throw new SluiceError('tensor_data', `${where}: the field data is missing`);
    return text.decode({ datatype, shape, where }, input.data);
  }
  if (input.data !== undefined) {
    throw new SluiceError('tensor_data', `${where}: has both data and binary_data_size; give one of them`);
  }
  const alignment = datatype === 'BYTES' ? 1 : datatypeBytes[datatype];
  const data = reader.take(size, { where, alignment });
  checkData({ datatype, shape, data }, where);
  return data;
}

function wantedOutputs(
  { outputs = [], parameters }: InferRequest,
  signature: RequestSignature,
): WantedOutput[] {
  const isBinary = booleanParameter(parameters, 'binary_data_output', 'parameters') ?? false;
  if (outputs.length === 0) return signature.outputs.map(({ name }) => ({ name, isBinary, classes: 0 }));
  const names = outputs.map(({ name }) => name);
  return outputs.map((output, index) => {
    const { name } = output;
    const where = `outputs[${index}]`;
    const known = [...signature.outputs, ...(signature.optional?.outputs ?? [])];
    if (!known.some((each) => each.name === name)) {
      throw new SluiceError(
        'tensor_name',
        `${where}: ${brief(name)} is unknown; the model gives ${nameList(signature.outputs)}`,
      );
    }
    if (names.indexOf(name) !== index) {
      throw new SluiceError('tensor_name', `${where}: ${brief(name)} is asked for twice`);
    }
    return { name, ...formOf(output.parameters, `${where} (${name})`, isBinary) };
  });
}

function formOf(
  parameters: Parameters,
  where: string,
  isBinaryByDefault: boolean,
): Omit<WantedOutput, 'name'> {
  refuseParameters(parameters, sharedMemory, where);
  return {
    isBinary: booleanParameter(parameters, 'binary_data', where) ?? isBinaryByDefault,
    classes: integerParameter(parameters, 'classification', { where, maximum: limits.classesMax }) ?? 0,
  };
}
