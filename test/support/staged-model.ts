import { NetworkBuilder, type Values } from '../../bench/networks/network-builder.ts';
import type { CompiledModel } from '../../compiler/compile.ts';
import { canonicalModelOf } from '../../compiler/network/canonical-model.ts';
import { compileNetwork, type RegionTensor } from '../../compiler/network/compile-network.ts';
import type { OnnxNode, OnnxTensor } from '../../compiler/onnx/model.ts';
import { readModel } from '../../compiler/onnx/read-model.ts';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import { readModelSignature } from '../../compiler/signature.ts';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { constant, floatValue, modelOf, node } from './onnx-models.ts';

const channels = 5;
const rows = 6;
const columns = 7;
const features = 19;
const pixels = rows * columns;

const nchw = (count: number) => ({
  channelStride: pixels,
  rowStride: columns,
  columnStride: 1,
  channels: count,
});
const nhwc = (count: number) => ({
  channelStride: 1,
  rowStride: columns * count,
  columnStride: count,
  channels: count,
});

/**
 * A convolutional model put together by hand, not by the compiler's driver: `image` is NHWC and goes through a
 * Transpose (head) to the NPU, `extra` is NCHW and goes there directly; `features` is an output of the NPU in
 * NHWC, `scores` goes from there through Add with the graph's `bias` and Softmax (tail) to `probabilities`. Any batch.
 */
export function stagedModel(configuration: string): Omit<CompiledModel, 'report'> {
  const hardware = hardwareConfigurations[configuration];
  if (hardware === undefined) throw new Error(configuration);
  const { network, image, extra, wide, mean } = stagedNetwork();
  const { program, inputs, outputs } = compileNetwork(network, hardware);
  const canonicalModel = wholeModel({ network, image, extra, wide, mean });
  const binding = (tensor: string, values: Values, place: RegionTensor | undefined) => ({
    tensor,
    scale: Math.fround(values.scale),
    zeroPoint: values.zeroPoint,
    offsetBytes: place?.offsetBytes ?? -1,
    rows: values.map.rows,
    columns: values.map.columns,
  });
  return {
    program,
    inputs: [
      { ...binding('image_nchw', image, inputs[0]), ...nchw(channels) },
      { ...binding('extra', extra, inputs[1]), ...nchw(channels) },
    ],
    outputs: [
      { ...binding('features', wide, outputs[0]), ...nhwc(features) },
      { ...binding('scores', mean, outputs[1]), channels: features, channelStride: 1, ...anyStride },
    ],
    head: partOf(headModel()),
    tail: partOf(tailModel()),
    canonicalModel,
    signature: readModelSignature(canonicalModel),
  };
}

/** Of directions of one element. */
const anyStride = { rowStride: 77, columnStride: 77 };

function partOf(model: Uint8Array) {
  return { model, signature: readModelSignature(model) };
}

function stagedNetwork() {
  const builder = new NetworkBuilder('staged', 31);
  const image = builder.input({ channels, rows, columns });
  const extra = builder.input({ channels, rows, columns });
  const wide = builder.convolution(builder.add(image, extra), { channels: features, kernel: [3, 3] });
  const mean = builder.globalAverage(wide);
  return { network: builder.network([wide, mean]), image, extra, wide, mean };
}

const graph = {
  image: floatValue('image', [-1, rows, columns, channels]),
  extra: floatValue('extra', [-1, channels, rows, columns]),
  bias: floatValue('bias', [-1, features]),
  features: floatValue('features', [-1, rows, columns, features]),
  probabilities: floatValue('probabilities', [-1, features]),
};
const between = {
  image: floatValue('image_nchw', [-1, channels, rows, columns]),
  scores: floatValue('scores', [-1, features]),
};
const headNodes = [transpose('image', 'image_nchw', [0, 3, 1, 2])];
const tailNodes = [
  node('Add', { inputs: ['scores', 'bias'], outputs: ['biased'] }),
  node('Softmax', { inputs: ['biased'], outputs: ['probabilities'] }),
];

function headModel(): Uint8Array {
  return writeModel(
    modelOf({ nodes: headNodes, initialisers: [], inputs: [graph.image], outputs: [between.image] }),
  );
}

function tailModel(): Uint8Array {
  const inputs = [graph.bias, between.scores];
  return writeModel(modelOf({ nodes: tailNodes, initialisers: [], inputs, outputs: [graph.probabilities] }));
}

/** Float in, float out: what the CPU route runs. */
function wholeModel(parts: ReturnType<typeof stagedNetwork>): Uint8Array {
  const { network, image, extra, wide, mean } = parts;
  const region = readModel(canonicalModelOf(network)).graph;
  const constants: OnnxTensor[] = [...region.initialisers.values()];
  const convert = (operator: string, name: string, { from, to, values }: Conversion): OnnxNode => {
    constants.push(constant.float(`${name}_scale`, [values.scale], []));
    constants.push(constant.int8(`${name}_point`, [values.zeroPoint], []));
    return node(operator, { inputs: [from, `${name}_scale`, `${name}_point`], outputs: [to] });
  };
  return writeModel(
    modelOf({
      nodes: [
        ...headNodes,
        convert('QuantizeLinear', 'q1', { from: 'image_nchw', to: image.map.name, values: image }),
        convert('QuantizeLinear', 'q2', { from: 'extra', to: extra.map.name, values: extra }),
        ...region.nodes,
        convert('DequantizeLinear', 'd1', { from: wide.map.name, to: 'features_nchw', values: wide }),
        transpose('features_nchw', 'features', [0, 2, 3, 1]),
        convert('DequantizeLinear', 'd2', { from: mean.map.name, to: 'scores_nchw', values: mean }),
        node('Flatten', { inputs: ['scores_nchw'], outputs: ['scores'] }),
        ...tailNodes,
      ],
      initialisers: constants,
      inputs: [graph.image, graph.extra, graph.bias],
      outputs: [graph.probabilities, graph.features],
    }),
  );
}

interface Conversion {
  from: string;
  to: string;
  values: Values;
}

function transpose(from: string, to: string, order: number[]): OnnxNode {
  return node('Transpose', {
    inputs: [from],
    outputs: [to],
    attributes: { perm: { kind: 'ints', value: order } },
  });
}
