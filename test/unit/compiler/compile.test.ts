import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkTokens } from '../../../compiler/backend/check-tokens.ts';
import { type CompiledModel, compileModel } from '../../../compiler/compile.ts';
import { writeModel } from '../../../compiler/onnx/write-model.ts';
import { hardwareConfigurations } from '../../../contract/npu/hardware.generated.ts';
import { decodeProgramHeader } from '../../../contract/npu/program.ts';
import { RuntimeModel } from '../../../ort/runtime-model.ts';
import { FloatModel } from '../../support/float-model.ts';
import { digitsSet, fashionSet, type GoldenSet, quantisedItems } from '../../support/golden-sets.ts';
import { interpretProgram, readInstructions } from '../../support/npu-interpreter.ts';
import {
  type ChainOptions,
  constant,
  denseChain,
  floatValue,
  modelOf,
  node,
} from '../../support/onnx-models.ts';
import { repositoryPath } from '../../support/paths.ts';

const configurations = Object.keys(hardwareConfigurations);

const floatDigits = new Uint8Array(
  readFileSync(repositoryPath('test', 'golden', 'digits', 'digits_cnn_f32.onnx')),
);
const digit = {
  name: 'input',
  datatype: 'FP32' as const,
  shape: [1, 1, 8, 8],
  data: new Uint8Array(Float32Array.from({ length: 64 }, (_, index) => (index % 17) / 16).buffer),
};

function interpretAll(program: Uint8Array, inputs: Uint8Array): Uint8Array {
  const { inputBytes, outputBytes } = decodeProgramHeader(program);
  const count = inputs.length / inputBytes;
  const outputs = new Uint8Array(count * outputBytes);
  for (let item = 0; item < count; item += 1) {
    const input = inputs.subarray(item * inputBytes, (item + 1) * inputBytes);
    outputs.set(interpretProgram(program, input), item * outputBytes);
  }
  return outputs;
}

function logitsOf(program: Uint8Array, inputs: Uint8Array): Int8Array {
  const { outputBytes } = decodeProgramHeader(program);
  return new Int8Array(interpretAll(program, inputs)).filter((_, index) => index % outputBytes < 10);
}

async function compileSet(
  set: GoldenSet,
  configuration: string,
): Promise<{ compiled: CompiledModel; items: Uint8Array }> {
  const compiled = await compileModel(set.model, { configuration });
  const [binding] = compiled.inputs;
  if (binding === undefined) throw new Error('no input binding');
  const { inputBytes } = decodeProgramHeader(compiled.program);
  return { compiled, items: quantisedItems(set, { binding, inputBytes }) };
}

describe.each(configurations)('compileModel for %s', (configuration) => {
  it('computes the integer reference logits of 1,000 fashion images', async () => {
    const set = fashionSet();
    const { compiled, items } = await compileSet(set, configuration);
    expect(set.imageCount).toBe(1000);
    expect(logitsOf(compiled.program, items)).toEqual(set.logits);
  });

  it.each(['pc', 'pt', 'p2'] as const)(
    'computes the integer reference logits of digits (%s)',
    async (kind) => {
      const set = digitsSet(kind);
      const { compiled, items } = await compileSet(set, configuration);
      expect(logitsOf(compiled.program, items)).toEqual(set.logits);
    },
  );

  it('gives the same bytes twice', async () => {
    const { model } = fashionSet();
    const [first, second] = [
      await compileModel(model, { configuration }),
      await compileModel(model, { configuration }),
    ];
    expect(second).toEqual(first);
  });

  const chains: ChainOptions[] = [
    { operator: 'QLinearConv', sizes: [40, 33, 17, 5], seed: 11, clamp: 'Max' },
    { operator: 'QLinearConv', sizes: [16, 16], seed: 12 },
    { operator: 'QLinearConv', sizes: [1, 1], seed: 13, clamp: 'Min' },
    { operator: 'QGemm@com.microsoft', sizes: [100, 200, 30], seed: 14, clamp: 'Relu' },
    { operator: 'QGemm@com.microsoft', sizes: [7, 3], seed: 15, batch: 4 },
    { operator: 'QLinearMatMul', sizes: [64, 48, 10], seed: 16, clamp: 'Clip' },
    { operator: 'QLinearConv', sizes: [1200, 40], seed: 17, clamp: 'Relu' },
  ];
  it.each(chains)('agrees with ONNX Runtime on $operator $sizes $clamp', async (chain) => {
    const compiled = await compileModel(denseChain(chain), { configuration });
    expect(compiled.report.verification.programItems).toBeGreaterThanOrEqual(16);
    expect(compiled.report.layers.map(({ output }) => output.channels)).toEqual(chain.sizes.slice(1));
  });

  it('emits programs that hold to the token rules', async () => {
    const hardware = hardwareConfigurations[configuration];
    if (hardware === undefined) throw new Error('no such configuration');
    const { program } = await compileModel(fashionSet().model, { configuration });
    const header = decodeProgramHeader(program);
    expect(() => checkTokens(readInstructions(program), hardware, header)).not.toThrow();
  });
});

describe('compileModel', () => {
  it('splits what a small memory cannot hold at once', async () => {
    const { model } = fashionSet();
    const [small, large] = [
      await compileModel(model, { configuration: 'ci' }),
      await compileModel(model, { configuration: 'kv260-m' }),
    ];
    const count = ({ program }: CompiledModel): number =>
      readInstructions(program).filter(({ operation }) => operation === 'CONVOLVE').length;
    expect(count(large)).toBeLessThan(count(small));
  });

  it('computes an output block at a time when more weights do not fit', async () => {
    const chain: ChainOptions = { operator: 'QLinearConv', sizes: [2000, 40, 40], seed: 21 };
    const { program } = await compileModel(denseChain(chain), { configuration: 'ci' });
    const weightLoads = readInstructions(program).filter(
      (each) => each.operation === 'LOAD' && each.memory === 'WEIGHT',
    );
    const tiles = weightLoads.map((each) => (each.operation === 'LOAD' ? each.rows : 0));
    expect(tiles.slice(0, 5)).toEqual([250, 250, 250, 250, 250]);
  });

  it('ties the float tensors of the model to the regions', async () => {
    const { inputs, outputs, report, program } = await compileModel(fashionSet().model, {
      configuration: 'ci',
    });
    expect(inputs).toMatchObject([{ tensor: 'input', zeroPoint: 0, offsetBytes: 0, channels: 784, rows: 1 }]);
    expect(outputs).toMatchObject([{ tensor: 'logits', offsetBytes: 0, channels: 10, columns: 1 }]);
    expect(inputs.every(({ scale }) => Math.fround(scale) === scale)).toBe(true);
    expect(decodeProgramHeader(program)).toMatchObject({ inputBytes: 784, outputBytes: 16, arenaBytes: 0 });
    expect(report.layers.map(({ multiplyAccumulates }) => multiplyAccumulates)).toEqual([50_176, 2048, 320]);
    expect(report.placement.map(({ placement }) => placement)).toEqual(Array(9).fill('npu'));
    expect(report.placement.every(({ reason }) => reason.length > 0)).toBe(true);
  });

  it('gives a canonical model that computes the reference logits on ONNX Runtime, any batch', async () => {
    const set = fashionSet();
    const { canonicalModel, outputs } = await compileModel(set.model, { configuration: 'ci' });
    const runtime = await RuntimeModel.load(canonicalModel, { fusesQuantisation: false });
    const floats = Float32Array.from(set.images, (pixel) => Math.fround(pixel / 255));
    const data = new Uint8Array(floats.buffer);
    const feed = { name: 'input', datatype: 'FP32' as const, shape: [set.imageCount, 784], data };
    const output = (await runtime.run([feed])).get('logits');
    await runtime.release();
    const [binding] = outputs;
    if (binding === undefined) throw new Error('no output binding');
    const expected = Float32Array.from(set.logits, (value) => (value - binding.zeroPoint) * binding.scale);
    expect(output?.data).toEqual(new Uint8Array(expected.buffer));
  });

  it('reports its stages and stops when aborted', async () => {
    const stages: string[] = [];
    const controller = new AbortController();
    const compiling = compileModel(fashionSet().model, {
      configuration: 'ci',
      signal: controller.signal,
      onProgress: ({ stage }) => {
        stages.push(stage);
        if (stage === 'schedule') controller.abort();
      },
    });
    await expect(compiling).rejects.toMatchObject({ code: 'cancelled' });
    expect(stages).toEqual(['import', 'partition', 'quantise', 'schedule']);
  });

  it.each(['nothing', 'toString'])('refuses the unknown configuration %s', async (configuration) => {
    await expect(compileModel(fashionSet().model, { configuration })).rejects.toMatchObject({
      code: 'device_unavailable',
    });
  });

  it.each([
    ['samples of another shape', 'tensor_shape', [[{ ...digit, shape: [1, 8, 8] }]]],
    ['samples of another datatype', 'tensor_datatype', [[{ ...digit, datatype: 'UINT8' as const }]]],
    ['samples of another input', 'tensor_name', [[{ ...digit, name: 'other' }]]],
    ['a sample without its input', 'tensor_name', [[]]],
    ['samples cut short', 'tensor_data', [[{ ...digit, data: new Uint8Array(8) }]]],
    ['no samples', 'tensor_data', []],
  ])('refuses %s', async (_, code, calibration) => {
    const options = { configuration: 'ci', calibration };
    await expect(compileModel(floatDigits, options)).rejects.toMatchObject({ code });
  });

  it('refuses a label that is no class of the model, naming its line', async () => {
    const options = { configuration: 'ci', calibration: [[digit], [digit]], labels: [9, 10] };
    await expect(compileModel(floatDigits, options)).rejects.toMatchObject({
      code: 'tensor_data',
      message: expect.stringMatching(/line 2: class 10/),
    });
  });

  it('lists nodes that no output needs as unused', async () => {
    const model = new FloatModel({ seed: 42 });
    const first = model.convolution(model.input('input', [1, 1, 8, 8]), { from: 1, to: 4 });
    model.convolution(first, { from: 4, to: 4 });
    const { report } = await compileModel(model.write([model.add('Relu', [first])]), {
      configuration: 'ci',
      calibration: [[digit]],
    });
    expect(report.placement.map(({ placement }) => placement)).toEqual(['npu', 'unused', 'npu']);
    expect(report.multiplyAccumulates.total).toBe(report.multiplyAccumulates.npu);
  });

  it('compiles a region that ends in a product', async () => {
    const model = new FloatModel({ seed: 41 });
    const wide = model.convolution(model.input('input', [1, 1, 8, 8]), { from: 1, to: 4 });
    const bytes = model.write([model.add('Mul', [wide, model.convolution(wide, { from: 4, to: 4 })])]);
    const { report } = await compileModel(bytes, { configuration: 'ci', calibration: [[digit]] });
    expect(report.layers.map(({ kind }) => kind)).toEqual(['convolution', 'convolution', 'multiply']);
    expect(report.verification.modelItems).toBeGreaterThan(0);
  });

  it('asks for calibration data when a float model comes without', async () => {
    await expect(compileModel(floatDigits, { configuration: 'ci' })).rejects.toMatchObject({
      code: 'tensor_data',
      message: expect.stringContaining('--calibration'),
    });
    const options = { configuration: 'ci', calibration: [[digit]], quantise: 'off' as const };
    await expect(compileModel(floatDigits, options)).rejects.toMatchObject({ code: 'model_unsupported' });
  });

  it('declines a model of which nothing is for the NPU, naming node and reason', async () => {
    const recurrent = node('LSTM', {
      name: 'memory',
      inputs: ['input', 'w', 'r'],
      outputs: ['', 'y'],
      attributes: { hidden_size: { kind: 'int', value: 2 } },
    });
    const model = modelOf({
      nodes: [recurrent],
      initialisers: [
        constant.float('w', Array(24).fill(0.5), [1, 8, 3]),
        constant.float('r', Array(16).fill(0.5), [1, 8, 2]),
      ],
      inputs: [floatValue('input', [4, 1, 3])],
      outputs: [floatValue('y', [1, 1, 2])],
    });
    const compiling = compileModel(writeModel(model), { configuration: 'ci', calibration: [[digit]] });
    await expect(compiling).rejects.toMatchObject({
      code: 'model_unsupported',
      message: expect.stringMatching(/"memory" \(LSTM\).*serve it on the CPU/),
    });
  });

  it('quantises a float model to the same bytes twice', async () => {
    const options = { configuration: 'ci', calibration: [[digit]] };
    const [first, second] = [
      await compileModel(floatDigits, options),
      await compileModel(floatDigits, options),
    ];
    expect(first.report.quantisation.sampleCount).toBe(1);
    expect(second).toEqual(first);
  });
});
