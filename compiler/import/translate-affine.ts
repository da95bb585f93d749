import { pixelWindow } from '../network/pixel-window.ts';
import { floatAttribute, integerAttribute, type OnnxNode } from '../onnx/model.ts';
import { wideDirections } from './axes.ts';
import type { ConvolutionOperation, ImportedMap } from './graph.ts';
import { decline, type GraphBuilder } from './graph-builder.ts';

interface Affine {
  /** One for each channel. */
  scale: readonly number[];
  shift: readonly number[];
}

/** scale * x + shift of each channel, as a depthwise convolution of 1 x 1. */
export function affine(node: OnnxNode, builder: GraphBuilder, options: Affine & { index: number }): void {
  const value = builder.value(node, options.index);
  if (value.isInteger) decline('computes on quantised integers');
  const input = builder.materialise(node.inputs[options.index] ?? '');
  builder.emit(node, affineBody(input, options), {
    tensor: node.outputs[0] ?? '',
    sizes: input,
    axes: value.axes,
  });
}

/** The operation's body, without a name and an output. */
export function affineBody(
  input: ImportedMap,
  { scale, shift }: Affine,
): Omit<ConvolutionOperation, 'name' | 'output' | 'nodes'> {
  return {
    kind: 'convolution',
    input,
    window: pixelWindow,
    groups: input.channels,
    weights: Float32Array.from(scale),
    bias: Float32Array.from(shift),
  };
}

/** A constant operand as one number for each channel of the data. Declines a constant that varies otherwise. */
export function perChannel(
  node: OnnxNode,
  builder: GraphBuilder,
  indices: { data: number; constant: number },
): readonly number[] {
  const { axes, map, shape } = builder.value(node, indices.data);
  const tensor = builder.facts.constant(node, indices.constant);
  const values = builder.facts.floats(node, indices.constant);
  if (tensor === undefined || values === undefined) return decline('its constant operand is not FLOAT');
  const offset = axes.length - tensor.shape.length;
  const fits = tensor.shape.every((size, axis) => {
    if (size === 1) return true;
    const along = wideDirections(map, axes[axis + offset] ?? []);
    return along.length === 1 && along[0] === 'channels' && size === map.channels;
  });
  if (!fits || values.length !== map.channels) {
    return decline(
      `a constant [${tensor.shape}] beside [${shape}]; the NPU takes one number for all or one for each channel`,
    );
  }
  return [...values];
}

/** BatchNormalization with fixed statistics. */
export function translateBatchNormalization(node: OnnxNode, builder: GraphBuilder): void {
  if (integerAttribute(node, 'training_mode', 0) !== 0) decline('training_mode is set');
  const { map, axes } = builder.value(node, 0);
  const along = axes[1] ?? [];
  if (map.channels > 1 && !(along.length === 1 && along[0] === 'channels')) {
    decline('its second axis is not the channels of the map');
  }
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map(
    (index) => builder.facts.floats(node, index) ?? decline('its statistics are computed'),
  );
  const isWhole = [scale, bias, mean, variance].every((values) => values?.length === map.channels);
  if (!isWhole) decline(`its statistics are not of ${map.channels} channels`);
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const factors = Array.from(
    scale ?? [],
    (value, channel) => value / Math.sqrt((variance?.[channel] ?? 0) + epsilon),
  );
  if (!factors.every(Number.isFinite)) decline('a variance of 0 or below');
  const shift = factors.map((factor, channel) => (bias?.[channel] ?? 0) - factor * (mean?.[channel] ?? 0));
  affine(node, builder, { index: 0, scale: factors, shift });
}
