import { parserOf } from '../../base/validate.ts';
import { SluiceError } from '../../contract/errors.ts';
import { InferRequest } from '../../contract/open-inference.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';
import { brief } from '../tensors/brief.ts';
import { decodeElements } from '../tensors/decode.ts';
import { encodeFlat } from '../tensors/encode.ts';
import { checkComplete, checkShape, describedInput, nameList } from '../tensors/signature.ts';

const parser = parserOf(InferRequest, { what: 'infer request', code: 'invalid_request' });

/** An infer request that fits the model. */
export interface DecodedInfer {
  id: string | undefined;
  inputs: Tensor[];
  /** Outputs to answer, in the order asked for. */
  outputNames: string[];
}

/**
 * Reads the JSON form of an infer request against the model's signature.
 * Throws `invalid_request` or a `tensor_…` code that names the field.
 */
export function decodeInferRequest(body: unknown, signature: TensorSignature): DecodedInfer {
  const request = parser.parse(body);
  const inputs = request.inputs.map((input, index) => decodeInput(input, index, signature));
  checkComplete(
    signature,
    inputs.map(({ name }) => name),
  );
  const outputNames = request.outputs?.map(({ name }) => name) ?? signature.outputs.map(({ name }) => name);
  checkOutputs(outputNames, signature);
  return { id: request.id, inputs, outputNames };
}

function decodeInput(
  input: InferRequest['inputs'][number],
  index: number,
  signature: TensorSignature,
): Tensor {
  const { name, datatype, shape, data } = input;
  const description = describedInput(signature, name);
  const where = `inputs[${index}] (${name})`;
  if (datatype !== description.datatype) {
    throw new SluiceError(
      'tensor_datatype',
      `${where}: datatype ${brief(datatype)}, ${description.datatype} expected`,
    );
  }
  checkShape(description, shape);
  if (data === undefined) throw new SluiceError('tensor_data', `${where}: the field data is missing`);
  const target = { datatype: description.datatype, shape, where };
  return { name, datatype: description.datatype, shape, data: decodeElements(target, data) };
}

function checkOutputs(names: readonly string[], signature: TensorSignature): void {
  for (const [index, name] of names.entries()) {
    if (!signature.outputs.some((output) => output.name === name)) {
      throw new SluiceError(
        'tensor_name',
        `outputs[${index}]: ${brief(name)} is unknown; the model gives ${nameList(signature.outputs)}`,
      );
    }
    if (names.indexOf(name) !== index) {
      throw new SluiceError('tensor_name', `outputs[${index}]: ${brief(name)} is asked for twice`);
    }
  }
}

/**
 * Writes an infer response as JSON text. Data is flat; see `encodeFlat` for the numbers that JSON lacks.
 * Written by hand because a serialiser walks every element through a function.
 */
export function encodeInferResponse(options: {
  modelName: string;
  modelVersion: string;
  id: string | undefined;
  outputs: readonly Tensor[];
}): string {
  const outputs = options.outputs.map(
    (output) =>
      `{"name":${JSON.stringify(output.name)},"shape":[${output.shape}],"datatype":"${output.datatype}",` +
      `"data":${encodeFlat(output)}}`,
  );
  const id = options.id === undefined ? '' : `"id":${JSON.stringify(options.id)},`;
  return (
    `{"model_name":${JSON.stringify(options.modelName)},"model_version":"${options.modelVersion}",${id}` +
    `"outputs":[${outputs.join(',')}]}`
  );
}
