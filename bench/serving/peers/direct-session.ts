import { InferenceSession, Tensor } from 'onnxruntime-node';

/** An ONNX Runtime session on the event loop, with the settings that Sluice's have. */
export async function openSession(modelPath: string | undefined): Promise<InferenceSession> {
  return InferenceSession.create(modelPath ?? '', {
    intraOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

/** Runs a model of one input and one output, both floats. */
export async function runSession(
  session: InferenceSession,
  values: Float32Array,
  shape: readonly number[],
): Promise<{ values: Float32Array; shape: readonly number[] }> {
  const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]];
  const results = await session.run({ [input]: new Tensor('float32', values, shape) });
  const result = results[output] as Tensor;
  return { values: result.data as Float32Array, shape: result.dims };
}

/** The answer to an infer request, as a handler writes it that thinks of nothing else. */
export function answerOf(output: { values: Float32Array; shape: readonly number[] }): object {
  return {
    model_name: 'bench',
    model_version: '1',
    outputs: [{ name: 'output', datatype: 'FP32', shape: output.shape, data: Array.from(output.values) }],
  };
}

/** An infer request as `JSON.parse` reads it. */
export interface InferBody {
  inputs: [{ shape: number[]; data: number[] }];
}
