import { describe, expect, it } from 'vitest';
import { elementType } from '../../../../compiler/onnx/element-types.ts';
import { FloatModel } from '../../../support/float-model.ts';
import { compareRebuilt, npuShare } from '../../../support/rebuilt-model.ts';

function wide(model: FloatModel, x: string, options: { from: number; to: number }): string {
  return model.convolution(x, { ...options, kernel: [3, 3], attributes: { pads: [1, 1, 1, 1] } });
}

describe('a partition', () => {
  it('takes the region with the most work when host nodes stand between', async () => {
    const model = new FloatModel();
    const first = model.add('Relu', [wide(model, model.input('x', [1, 2, 6, 6]), { from: 2, to: 4 })]);
    const normal = model.add('LRN', [first], { size: 3 });
    const second = wide(model, normal, { from: 4, to: 16 });
    const third = model.add('Softmax', [wide(model, second, { from: 16, to: 8 })], { axis: 1 });
    const y = wide(model, model.add('Concat', [third, first], { axis: 1 }), { from: 12, to: 2 });
    const { partition, relativeMax } = await compareRebuilt(model.write([y]));
    const [region] = partition.regions;
    expect(region?.operations.map(({ name }) => name)).toEqual(['n-conv3', 'n-conv4']);
    expect(region?.inputs.map(({ tensor }) => tensor)).toEqual(['lrn2']);
    expect(partition.head?.graph.nodes.map(({ operator }) => operator)).toEqual(['Conv', 'Relu', 'LRN']);
    // The tail computes the head's Relu once more for its Concat.
    expect(partition.tail?.graph.nodes.map(({ operator }) => operator)).toEqual([
      'Conv',
      'Relu',
      'Softmax',
      'Concat',
      'Conv',
    ]);
    expect(relativeMax).toBeLessThan(1e-4);
    expect(npuShare(partition)).toBeCloseTo(
      ((4 * 16 + 16 * 8) * 9) / ((2 * 4 + 4 * 16 + 16 * 8 + 12 * 2) * 9),
      6,
    );
  });

  it('leaves what the hardware refuses on the host, with the reason', async () => {
    const model = new FloatModel();
    const first = wide(model, model.input('x', [1, 2, 6, 6]), { from: 2, to: 8 });
    const strided = model.convolution(first, { from: 8, to: 2, attributes: { strides: [9, 9] } });
    const { partition, relativeMax } = await compareRebuilt(model.write([strided]));
    expect(partition.regions[0]?.operations).toHaveLength(1);
    expect(partition.stayed).toMatchObject([
      { node: { name: 'n-conv1' }, reason: 'strideRows is 9; the NPU takes 7 at most' },
    ]);
    expect(relativeMax).toBeLessThan(1e-4);
  });

  it('leaves what the configuration refuses on the host, and its steps with it', async () => {
    const model = new FloatModel();
    const first = wide(model, model.input('x', [1, 2, 6, 6]), { from: 2, to: 8 });
    const activated = model.add('PRelu', [first, model.weights([8, 1, 1], 0.3)]);
    const y = model.convolution(activated, { from: 8, to: 2 });
    const { partition, relativeMax } = await compareRebuilt(model.write([y]), {
      refuses: (operation) => (operation.output.name.endsWith('//negative') ? 'a test says so' : undefined),
    });
    expect(partition.regions[0]?.operations.map(({ name }) => name)).toEqual(['n-conv0']);
    expect(partition.stayed).toMatchObject([{ node: { operator: 'PRelu' } }, { node: { operator: 'Conv' } }]);
    expect(relativeMax).toBeLessThan(1e-4);
  });

  it('puts constants into the tail computed', async () => {
    const model = new FloatModel();
    const x = wide(model, model.input('x', [1, 2, 6, 6]), { from: 2, to: 8 });
    const rows = model.add('Gather', [model.add('Shape', [x]), model.integers([2])]);
    const target = model.add('Concat', [model.integers([1, 2, 4]), rows, model.integers([-1])], { axis: 0 });
    const { partition } = await compareRebuilt(model.write([model.add('Reshape', [x, target])]));
    expect(partition.tail?.graph.nodes.map(({ operator }) => operator)).toEqual(['Reshape']);
    expect(partition.stayed.map(({ node }) => node.operator)).toEqual(['Reshape']);
  });

  it('counts the work of nodes that stay', async () => {
    const model = new FloatModel();
    const first = wide(model, model.input('x', [1, 2, 6, 6]), { from: 2, to: 8 });
    const y = model.add('ConvTranspose', [first, model.weights([8, 3, 2, 2], 1)], { strides: [2, 2] });
    const { partition } = await compareRebuilt(model.write([y]));
    const npu = 2 * 8 * 9 * 36;
    expect(partition.multiplyAccumulates).toEqual({ npu, total: npu + 8 * 36 * 3 * 4 });
  });

  it.each([
    ['LSTM', 4],
    ['GRU', 3],
    ['RNN', 1],
  ])('counts the work of %s, and of what reads it', async (operator, gates) => {
    const model = new FloatModel();
    const first = model.convolution(model.input('x', [1, 8, 6]), { from: 8, to: 5, kernel: [1] });
    // 6 steps of one item, 5 inputs and 7 states each.
    const steps = model.add('Transpose', [first], { perm: [2, 0, 1] });
    const [, last = ''] = model.split(operator, {
      inputs: [steps, model.weights([1, gates * 7, 5], 0.3), model.weights([1, gates * 7, 7], 0.3)],
      count: 2,
      attributes: { hidden_size: 7 },
    });
    const vector = model.add('Softmax', [model.add('Reshape', [last, model.integers([1, 7])])], { axis: 1 });
    const { partition } = await compareRebuilt(
      model.write([model.add('MatMul', [vector, model.weights([7, 3], 1)])]),
    );
    const npu = 8 * 5 * 6;
    expect(partition.multiplyAccumulates).toEqual({ npu, total: npu + 6 * gates * 7 * (5 + 7) + 7 * 3 });
  });

  it('counts a quantised operator that stays once', async () => {
    const model = new FloatModel();
    const first = wide(model, model.input('x', [1, 2, 6, 6]), { from: 2, to: 8 });
    const [scale, zero] = [model.scalar(0.1), model.bytes([0], [], elementType.UINT8)];
    const weights = model.bytes([1, 2, 3, 4], [4, 1, 1, 1, 1], elementType.UINT8);
    // All that it is spelled out as stays: the NPU has no three spatial axes.
    const voxels = model.input('q', [1, 1, 2, 3, 2], elementType.UINT8);
    const convolved = model.add('QLinearConv', [voxels, scale, zero, weights, scale, zero, scale, zero]);
    const second = model.add('DequantizeLinear', [convolved, scale, zero]);
    const { partition } = await compareRebuilt(model.write([first, second]));
    const npu = 2 * 8 * 9 * 36;
    expect(partition.multiplyAccumulates).toEqual({ npu, total: npu + 4 * 12 });
  });

  it('takes no node that reaches no output', async () => {
    const model = new FloatModel();
    const first = wide(model, model.input('x', [1, 2, 6, 6]), { from: 2, to: 8 });
    model.add('Softmax', [wide(model, model.add('LRN', [first], { size: 3 }), { from: 8, to: 8 })]);
    const { partition, imported } = await compareRebuilt(model.write([model.add('Relu', [first])]));
    const npu = 2 * 8 * 9 * 36;
    expect(partition.multiplyAccumulates).toEqual({ npu, total: npu });
    expect(imported.graph.hostNodes).toEqual([]);
  });

  it('feeds a region that needs a tensor in two orders', async () => {
    const model = new FloatModel();
    const x = model.input('x', [1, 6, 5, 7]);
    const plain = wide(model, x, { from: 6, to: 4 });
    const turned = wide(model, model.add('Transpose', [x], { perm: [0, 2, 1, 3] }), { from: 5, to: 4 });
    const { partition, relativeMax } = await compareRebuilt(model.write([plain, turned]));
    expect(relativeMax).toBeLessThan(1e-4);
    expect(npuShare(partition)).toBe(1);
  });

  it('hands integers to a host node that reads them', async () => {
    const model = new FloatModel();
    const operands = [model.scalar(0.02), model.bytes([5], [])];
    const y = wide(model, model.input('x', [1, 2, 6, 6]), { from: 2, to: 8 });
    const integers = model.add('QuantizeLinear', [y, ...operands]);
    const wider = model.add('Cast', [integers], { to: 1 });
    const { partition, differenceMax } = await compareRebuilt(model.write([wider]));
    expect(partition.tail?.graph.nodes.map(({ operator }) => operator)).toContain('Cast');
    expect(npuShare(partition)).toBe(1);
    expect(differenceMax).toBeLessThanOrEqual(1);
  });
});
