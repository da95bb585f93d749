import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importModel } from '../../compiler/import/import-model.ts';
import { partition } from '../../compiler/import/partition.ts';
import { floatModelOf } from '../../compiler/import/to-onnx.ts';
import { SluiceError } from '../../contract/errors.ts';
import { FloatModel } from '../support/float-model.ts';
import { repositoryPath } from '../support/paths.ts';
import { seededRandom } from '../support/random.ts';

const refusals = ['model_invalid', 'model_unsupported'];

/** One of everything whose attributes a damaged byte may reach. */
function mixed(): Uint8Array {
  const model = new FloatModel({ seed: 9 });
  const x = model.add('Pad', [model.input('x', [-1, 3, 8, 8]), model.integers([0, 0, 1, 1, 0, 0, 1, 1])]);
  const first = model.normalisation(model.convolution(x, { from: 3, to: 8, kernel: [3, 3] }), 8);
  const pooled = model.add('MaxPool', [model.add('HardSwish', [first])], {
    kernel_shape: [2, 2],
    strides: [2, 2],
    ceil_mode: 1,
  });
  const [left = '', right = ''] = model.split('Split', {
    inputs: [pooled, model.integers([3, 5])],
    count: 2,
    attributes: { axis: 1 },
  });
  const joined = model.add('Concat', [model.add('PRelu', [right, model.weights([5, 1, 1], 1)]), left], {
    axis: 1,
  });
  const large = model.add('Resize', [joined, '', model.floats([1, 1, 2, 2])], { mode: 'nearest' });
  const mean = model.add('ReduceMean', [model.add('Mul', [large, first])], { axes: [2, 3], keepdims: 0 });
  const flat = model.add('Reshape', [mean, model.integers([0, -1])]);
  const y = model.add('Gemm', [flat, model.weights([8, 4], 1), model.weights([4], 1)]);
  return model.write([model.add('Softmax', [y])]);
}

const models: Record<string, Uint8Array> = {
  'of everything': mixed(),
  'digits CNN, QDQ': new Uint8Array(
    readFileSync(repositoryPath('test', 'golden', 'digits', 'digits_cnn_qdq_pc.onnx')),
  ),
  'digits CNN, QLinear': new Uint8Array(
    readFileSync(repositoryPath('test', 'golden', 'digits', 'digits_cnn_qop_pc.onnx')),
  ),
};

/** Flips bits, writes bytes, repeats or drops a piece: what a bad disk or a bad tool does. */
function mutated(model: Uint8Array, random: () => number): Uint8Array {
  const bytes = [...model];
  for (let change = random() % 4; change >= 0; change -= 1) {
    const at = random() % bytes.length;
    const kind = random() % 4;
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << (random() % 8));
    else if (kind === 1) bytes[at] = random() & 0xff;
    else if (kind === 2) bytes.splice(at, 1 + (random() % 8));
    else bytes.splice(at, 0, ...bytes.slice(at, at + 1 + (random() % 8)));
  }
  return Uint8Array.from(bytes);
}

/** `imported` or the code of the refusal; anything else that is thrown fails the test. */
async function outcomeOf(model: Uint8Array): Promise<string> {
  try {
    const parts = partition(await importModel(model));
    for (const { operations, inputs, outputs } of parts.regions) {
      floatModelOf({
        name: 'region',
        operations,
        inputs: inputs.map(({ map }) => map),
        outputs: outputs.map(({ map }) => map),
      });
    }
    return 'imported';
  } catch (thrown) {
    if (thrown instanceof SluiceError && refusals.includes(thrown.code) && !thrown.message.includes('\n')) {
      return thrown.code;
    }
    throw thrown;
  }
}

describe('the import of a damaged model', () => {
  it.each(Object.entries(models))('%s: gives operations or a coded refusal', async (_, model) => {
    expect(await outcomeOf(model)).toBe('imported');
    const random = seededRandom(model.length);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 300; round += 1) {
      const damaged = mutated(model, random);
      const outcome = await outcomeOf(damaged);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect(outcomes.get('imported')).toBeGreaterThan(20);
    expect(outcomes.get('model_invalid')).toBeGreaterThan(20);
  });
});
