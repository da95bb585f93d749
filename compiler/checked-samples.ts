import { quoted } from '../base/quoted.ts';
import { SluiceError } from '../contract/errors.ts';
import { datatypeBytes, elementCount } from '../contract/tensor-data.ts';
import type { Tensor } from '../contract/tensors.ts';
import { datatypeOf } from './onnx/element-types.ts';
import type { OnnxValue } from './onnx/model.ts';
import type { Repeatable } from './quantise/samples.ts';

/**
 * Calibration samples, each checked against the model's inputs when its turn comes. Throws `tensor_name`,
 * `tensor_datatype`, `tensor_shape` or `tensor_data` naming the sample and the input.
 */
export function checkedSamples(
  samples: Repeatable<readonly Tensor[]>,
  inputs: readonly OnnxValue[],
): Repeatable<readonly Tensor[]> {
  return { [Symbol.asyncIterator]: () => check(samples, inputs) };
}

async function* check(
  samples: Repeatable<readonly Tensor[]>,
  inputs: readonly OnnxValue[],
): AsyncGenerator<readonly Tensor[]> {
  let index = 0;
  for await (const sample of samples) {
    const where = `calibration sample ${index}`;
    const extra = sample.find(({ name }) => !inputs.some((input) => input.name === name));
    if (extra !== undefined) {
      const known = inputs.map(({ name }) => quoted(name)).join(', ');
      throw new SluiceError(
        'tensor_name',
        `${where}: input ${quoted(extra.name)} is unknown; the model takes ${known}`,
      );
    }
    yield inputs.map((input) =>
      checkTensor(sample, { input, where: `${where}: input ${quoted(input.name)}` }),
    );
    index += 1;
  }
}

function checkTensor(
  sample: readonly Tensor[],
  { input, where }: { input: OnnxValue; where: string },
): Tensor {
  const tensor = sample.find(({ name }) => name === input.name);
  if (tensor === undefined) throw new SluiceError('tensor_name', `${where} is missing`);
  const datatype = datatypeOf(input.elementType ?? 0);
  if (tensor.datatype !== datatype) {
    throw new SluiceError('tensor_datatype', `${where} is ${tensor.datatype}, ${datatype} expected`);
  }
  const { shape = [] } = input;
  if (`${tensor.shape}` !== `${shape}`) {
    throw new SluiceError('tensor_shape', `${where} has the shape [${tensor.shape}], [${shape}] expected`);
  }
  const bytes = elementCount(shape) * datatypeBytes[datatype];
  if (tensor.data.length !== bytes) {
    throw new SluiceError('tensor_data', `${where} holds ${tensor.data.length} bytes, ${bytes} expected`);
  }
  return tensor;
}
