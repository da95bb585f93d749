import { quoted } from '../base/quoted.ts';
import { SluiceError } from '../contract/errors.ts';
import { dataFits, expectedData } from '../contract/tensor-data.ts';
import type {
  GoldenSamples,
  GoldenTensor,
  Tensor,
  TensorDescription,
  TensorSignature,
} from '../contract/tensors.ts';
import { RuntimeModel } from '../ort/runtime-model.ts';
import { checkCancelled } from './quantise/observe.ts';

/** The tensors of a golden sample, as it is: checking them is for whoever reads them. */
export function tensorsOf(sample: readonly GoldenTensor[]): Tensor[] {
  return sample.map(({ data, ...rest }) => ({ ...rest, data: new Uint8Array(Buffer.from(data, 'base64')) }));
}

/** Samples to record, and what ends it. */
interface GoldenInputs {
  signature: TensorSignature;
  inputs: readonly GoldenTensor[][];
  signal?: AbortSignal;
}

/**
 * Runs the model on each sample with ONNX Runtime and keeps the answers: what every route of the image
 * must reproduce. A canonical model keeps its quantisation unfused. Throws `tensor_name`, `tensor_datatype`, `tensor_shape` or `tensor_data` naming the
 * sample and the input that does not fit the signature; `model_invalid` or `engine_failed` with ONNX
 * Runtime's reason. Blocks the thread: use it in a worker.
 */
export async function recordGoldenOutputs(
  { model, keepsQuantisation }: { model: Uint8Array; keepsQuantisation: boolean },
  { signature, inputs, signal }: GoldenInputs,
): Promise<GoldenSamples> {
  const feeds = inputs.map((tensors, index) => checkSample(tensors, { signature, where: `sample ${index}` }));
  const runtime = await RuntimeModel.load(model, { fusesQuantisation: !keepsQuantisation });
  try {
    const samples: GoldenSamples['samples'] = [];
    for (const [index, feed] of feeds.entries()) {
      checkCancelled(signal);
      const results = await runtime.run(feed);
      const outputs = signature.outputs.map(({ name }) => goldenOutput(name, results.get(name)));
      samples.push({ inputs: [...(inputs[index] ?? [])], outputs });
    }
    return { schemaVersion: 1, samples };
  } finally {
    await runtime.release();
  }
}

function goldenOutput(name: string, tensor: Tensor | undefined): GoldenTensor {
  if (tensor === undefined)
    throw new SluiceError('engine_failed', `ONNX Runtime: gave no output ${quoted(name)}`);
  const { datatype, shape, data } = tensor;
  return {
    name,
    datatype,
    shape,
    data: Buffer.from(data.buffer, data.byteOffset, data.length).toString('base64'),
  };
}

function checkSample(
  tensors: readonly GoldenTensor[],
  options: { signature: TensorSignature; where: string },
): Tensor[] {
  const { signature, where } = options;
  const expected = signature.inputs.map(({ name }) => quoted(name)).join(', ');
  for (const { name } of tensors) {
    const count = tensors.filter((other) => other.name === name).length;
    if (count === 1 && signature.inputs.some((input) => input.name === name)) continue;
    const problem = count > 1 ? 'given twice' : 'unknown';
    throw new SluiceError(
      'tensor_name',
      `${where}: input ${quoted(name)} is ${problem}; the model takes ${expected}`,
    );
  }
  return signature.inputs.map((description) => {
    const tensor = tensors.find(({ name }) => name === description.name);
    if (tensor === undefined) {
      throw new SluiceError('tensor_name', `${where}: input ${quoted(description.name)} is missing`);
    }
    return checkTensor(tensor, { description, where: `${where}: input ${quoted(description.name)}` });
  });
}

function checkTensor(
  tensor: GoldenTensor,
  options: { description: TensorDescription; where: string },
): Tensor {
  const { description, where } = options;
  const { name, datatype, shape } = tensor;
  if (datatype !== description.datatype) {
    throw new SluiceError('tensor_datatype', `${where} is ${datatype}, ${description.datatype} expected`);
  }
  const fits = description.shape.every((dimension, axis) => dimension === -1 || dimension === shape[axis]);
  if (shape.length !== description.shape.length || !fits) {
    throw new SluiceError(
      'tensor_shape',
      `${where} has the shape [${shape}], [${description.shape}] expected`,
    );
  }
  const data = new Uint8Array(Buffer.from(tensor.data, 'base64'));
  if (!dataFits({ datatype, shape, data })) {
    const expected = expectedData({ datatype, shape });
    throw new SluiceError('tensor_data', `${where} holds ${data.length} bytes, ${expected} expected`);
  }
  return { name, datatype, shape, data };
}
