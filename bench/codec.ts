import { decodeInferRequest } from '../agent/scoring/open-inference/infer-request.ts';
import { encodeInferResponse } from '../agent/scoring/open-inference/infer-response.ts';
import type { Tensor, TensorSignature } from '../contract/tensors.ts';
import { compare, type Measurement } from './measure.ts';

const rows = 64;
const columns = 784;

/** The JSON codec of the Open Inference Protocol against bare JSON.parse and JSON.stringify of the same numbers. */
export async function benchCodec(): Promise<Record<string, Measurement[]>> {
  const values = Float32Array.from({ length: rows * columns }, (_, index) =>
    Math.fround((index % 251) / 250),
  );
  const signature: TensorSignature = {
    inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, columns] }],
    outputs: [{ name: 'output', datatype: 'FP32', shape: [-1, columns] }],
  };
  const request = JSON.stringify({
    inputs: [{ name: 'input', shape: [rows, columns], datatype: 'FP32', data: [...values] }],
  });
  const body = Buffer.from(request);
  const output: Tensor = {
    name: 'output',
    datatype: 'FP32',
    shape: [rows, columns],
    data: new Uint8Array(values.buffer),
  };
  const options = { rounds: 15, callsPerRound: 10 };
  return {
    [`read a request of ${rows} x ${columns} FP32`]: await compare(
      [
        { name: 'JSON.parse alone', run: () => void JSON.parse(request) },
        {
          name: 'decodeInferRequest',
          run: async () =>
            void (await decodeInferRequest({ json: body, binary: new Uint8Array() }, signature)),
        },
      ],
      options,
    ),
    [`write an answer of ${rows} x ${columns} FP32`]: await compare(
      [
        { name: 'JSON.stringify of the array', run: () => void JSON.stringify(Array.from(values)) },
        {
          name: 'encodeInferResponse',
          run: async () =>
            void (await encodeInferResponse({
              modelName: 'm',
              modelVersion: '1',
              id: undefined,
              outputs: [{ tensor: output, isBinary: false }],
            })),
        },
      ],
      options,
    ),
  };
}
