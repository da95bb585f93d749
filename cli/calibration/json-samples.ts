import Type from '#typebox';
import { parserOf } from '../../base/validate.ts';
import { SluiceError } from '../../contract/errors.ts';
import { datatypeBytes, elementCount } from '../../contract/tensor-data.ts';
import { GoldenTensor, type Tensor } from '../../contract/tensors.ts';

const Inputs = Type.Object({ inputs: Type.Array(GoldenTensor, { minItems: 1 }) });
const Samples = Type.Object({ samples: Type.Array(Inputs, { minItems: 1 }) });

/**
 * Inputs of one or several samples: `{"inputs": [...]}` or `{"samples": [{"inputs": [...]}]}`, each input
 * with name, datatype, shape and base64 data, as the golden samples of an image have them. Throws
 * `tensor_data` naming the file.
 */
export function readJsonSamples(bytes: Uint8Array, file: string): Tensor[][] {
  const text = new TextDecoder().decode(bytes);
  const isList = /^\s*\{\s*"(samples|schemaVersion)"/.test(text);
  const options = { what: file, code: 'tensor_data' } as const;
  const samples = isList
    ? parserOf(Samples, options).parseJson(text).samples
    : [parserOf(Inputs, options).parseJson(text)];
  return samples.map(({ inputs }) => inputs.map((input) => decode(input, file)));
}

function decode({ name, datatype, shape, data }: Type.Static<typeof GoldenTensor>, file: string): Tensor {
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  const wanted = elementCount(shape) * datatypeBytes[datatype];
  if (bytes.length !== wanted) {
    throw new SluiceError(
      'tensor_data',
      `${file}: input "${name}" has ${bytes.length} bytes of data, [${shape}] of ${datatype} takes ${wanted}`,
    );
  }
  return { name, datatype, shape, data: bytes };
}
