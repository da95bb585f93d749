import type { Tensor } from '../../../contract/tensors.ts';
import type { JsonPart } from '../../../native/json-numbers.ts';
import { withRoomBefore } from '../../engines/lent-outputs.ts';
import { encodeFlat, writeJson } from '../../tensors/encode.ts';

/** What an infer answer says. */
export interface InferAnswer {
  modelName: string;
  modelVersion: string;
  id: string | undefined;
  outputs: readonly { tensor: Tensor; isBinary: boolean }[];
}

/** An infer answer in bytes; `headerLength` is that of the JSON when tensors stand behind it. */
export interface EncodedAnswer {
  body: Uint8Array;
  headerLength: number | undefined;
}

/**
 * Writes an infer answer: JSON, with the binary outputs behind it in their order. Data in JSON is flat; see
 * `encodeFlat` for the numbers that JSON lacks. Written by hand because a serialiser walks every element
 * through a function.
 */
export async function encodeInferResponse(answer: InferAnswer): Promise<EncodedAnswer> {
  const json = await writeJson(partsOf(answer));
  const binary = answer.outputs.filter(({ isBinary }) => isBinary).map(({ tensor }) => tensor.data);
  if (binary.length === 0) return { body: json, headerLength: undefined };
  const body =
    (binary.length === 1 ? inFrontOf(json, binary[0] as Uint8Array) : undefined) ??
    Buffer.concat([json, ...binary]);
  return { body, headerLength: json.length };
}

/** The JSON where the model's output was made, without a copy of that; undefined where there is no room for it. */
function inFrontOf(json: Buffer, tensor: Uint8Array): Buffer | undefined {
  const body = withRoomBefore(tensor, json.length);
  body?.set(json);
  return body;
}

function partsOf({ modelName, modelVersion, id, outputs }: InferAnswer): JsonPart[] {
  const idField = id === undefined ? '' : `"id":${JSON.stringify(id)},`;
  const parts: JsonPart[] = [];
  let text = `{"model_name":${JSON.stringify(modelName)},"model_version":"${modelVersion}",${idField}"outputs":[`;
  for (const [index, { tensor, isBinary }] of outputs.entries()) {
    const { name, shape, datatype, data } = tensor;
    const comma = index === 0 ? '' : ',';
    text += `${comma}{"name":${JSON.stringify(name)},"shape":[${shape}],"datatype":"${datatype}",`;
    if (isBinary) text += `"parameters":{"binary_data_size":${data.length}}}`;
    else {
      parts.push(`${text}"data":`, encodeFlat(tensor));
      text = '}';
    }
  }
  parts.push(`${text}]}`);
  return parts;
}
