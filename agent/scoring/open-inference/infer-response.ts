import type { Tensor } from '../../../contract/tensors.ts';
import { encodeFlat } from '../../tensors/encode.ts';

/** What an infer answer says. */
export interface InferAnswer {
  modelName: string;
  modelVersion: string;
  id: string | undefined;
  outputs: readonly { tensor: Tensor; isBinary: boolean }[];
}

/** An infer answer in bytes; `headerLength` is that of the JSON when tensors stand behind it. */
export interface EncodedAnswer {
  body: string | Uint8Array;
  headerLength: number | undefined;
}

/**
 * Writes an infer answer: JSON, with the binary outputs behind it in their order. Data in JSON is flat; see
 * `encodeFlat` for the numbers that JSON lacks. Written by hand because a serialiser walks every element
 * through a function.
 */
export function encodeInferResponse(answer: InferAnswer): EncodedAnswer {
  const outputs = answer.outputs.map(({ tensor, isBinary }) => {
    const { name, shape, datatype, data } = tensor;
    const content = isBinary
      ? `"parameters":{"binary_data_size":${data.length}}`
      : `"data":${encodeFlat(tensor)}`;
    return `{"name":${JSON.stringify(name)},"shape":[${shape}],"datatype":"${datatype}",${content}}`;
  });
  const id = answer.id === undefined ? '' : `"id":${JSON.stringify(answer.id)},`;
  const json =
    `{"model_name":${JSON.stringify(answer.modelName)},"model_version":"${answer.modelVersion}",${id}` +
    `"outputs":[${outputs.join(',')}]}`;
  const binary = answer.outputs.filter(({ isBinary }) => isBinary).map(({ tensor }) => tensor.data);
  if (binary.length === 0) return { body: json, headerLength: undefined };
  const header = Buffer.from(json, 'utf8');
  return { body: Buffer.concat([header, ...binary]), headerLength: header.length };
}
