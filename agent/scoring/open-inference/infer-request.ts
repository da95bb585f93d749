import { parserOf } from '../../../base/validate.ts';
import { SluiceError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { InferRequest } from '../../../contract/open-inference.ts';
import {
  type Datatype,
  datatypeBytes,
  type Tensor,
  type TensorSignature,
} from '../../../contract/tensors.ts';
import { brief } from '../../tensors/brief.ts';
import { checkComplete, checkData, checkShape, describedInput, nameList } from '../../tensors/signature.ts';
import { BinaryReader, type InferBody } from './infer-body.ts';
import { booleanParameter, integerParameter, type Parameters, refuseParameters } from './parameters.ts';
import { readRawInput } from './raw-input.ts';
import { RequestJson } from './request-numbers.ts';

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
}

/**
 * Reads an infer request against the model's signature: JSON, JSON with tensors behind it, or one raw tensor.
 * Throws `invalid_json`, `invalid_request` or a `tensor_…` code that names the field.
 */
export function decodeInferRequest({ json, binary }: InferBody, signature: TensorSignature): DecodedInfer {
  if (json === undefined) {
    const outputs = signature.outputs.map(({ name }) => ({ name, isBinary: true, classes: 0 }));
    const inputs = [readRawInput(binary, signature)];
    return { id: undefined, inputs, outputs, timeoutUs: 0, priority: 0 };
  }
  const text = new RequestJson(json);
  const reader = new BinaryReader(binary);
  const decoded = checkInferRequest(parser.parse(text.value), signature, (input, target) =>
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
 * Reads an infer request of any protocol against the model's signature; `readData` gives the data of an input,
 * whose name, datatype and shape are checked already. Throws `invalid_request` or a `tensor_…` code that names
 * the field.
 */
export function checkInferRequest(
  request: InferRequest,
  signature: TensorSignature,
  readData: (input: Input, target: InputTarget) => Uint8Array,
): DecodedInfer {
  const { parameters } = request;
  const where = 'parameters';
  if ((parameters?.sequence_id ?? 0) !== 0 && parameters?.sequence_id !== '') {
    throw new SluiceError(
      'invalid_request',
      `${where}: sequence_id is not served here; the model keeps no state`,
    );
  }
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
  };
}

type Input = InferRequest['inputs'][number];

function inputTarget(input: Input, index: number, signature: TensorSignature): InputTarget {
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
  signature: TensorSignature,
): WantedOutput[] {
  const isBinary = booleanParameter(parameters, 'binary_data_output', 'parameters') ?? false;
  if (outputs.length === 0) return signature.outputs.map(({ name }) => ({ name, isBinary, classes: 0 }));
  const names = outputs.map(({ name }) => name);
  return outputs.map((output, index) => {
    const { name } = output;
    const where = `outputs[${index}]`;
    if (!signature.outputs.some((known) => known.name === name)) {
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
