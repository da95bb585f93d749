import { integerAttribute, type OnnxNode, stringAttribute } from '../onnx/model.ts';
import { channelsFirst, reshapeAxes } from './axes.ts';
import { translateShuffle } from './channel-shuffle.ts';
import { describeFacts, normaliseAxis } from './facts.ts';
import type { ImportedMap } from './graph.ts';
import { decline, type GraphBuilder, type Value } from './graph-builder.ts';
import { realOf } from './quantised-values.ts';
import { transposeOrder } from './shape-rules.ts';
import { padsOf, sliceRangesOf } from './shape-rules-parts.ts';

/** Shape of a node's output. Declines when it is not known. */
export function outputShape(node: OnnxNode, builder: GraphBuilder, index = 0): readonly number[] {
  return (
    builder.facts.all.get(node.outputs[index] ?? '')?.shape ?? decline('the shape of its output is not known')
  );
}

/** Reshape, Flatten, Squeeze, Unsqueeze: the same elements in the same order. */
export function translateReshape(node: OnnxNode, builder: GraphBuilder): void {
  const value = builder.value(node, 0);
  const shape = outputShape(node, builder);
  const axes = reshapeAxes(value.map, value.axes, shape);
  if (axes === undefined && translateShuffle(node, builder)) return;
  if (axes === undefined)
    decline(`reshapes [${value.shape}] to [${shape}], which cuts through a feature map`);
  alias(node, builder, { ...value, axes, shape });
}

/** Transpose: other axes of the same map. */
export function translateTranspose(node: OnnxNode, builder: GraphBuilder): void {
  const value = builder.value(node, 0);
  const order = transposeOrder(node, value.shape.length);
  const axes = order.map((axis) => value.axes[axis] ?? []);
  alias(node, builder, { ...value, axes, shape: outputShape(node, builder) });
}

/** Identity, Dropout, Cast to the same type. */
export function translateIdentity(node: OnnxNode, builder: GraphBuilder): void {
  const value = builder.value(node, 0);
  const [first = '', second = ''] = node.outputs;
  const before = builder.facts.input(node, 0);
  const after = builder.facts.all.get(first);
  if (before?.elementType !== after?.elementType) {
    decline(`casts ${describeFacts(before)} to ${describeFacts(after)}`);
  }
  const isRead = builder.readersOf(second).length > 0 || builder.isGraphOutput(second);
  if (second !== '' && isRead) decline('its mask is read');
  if (integerAttribute(node, 'training_mode', 0) !== 0) decline('training_mode is set');
  alias(node, builder, value);
}

/** Nodes that one operation remembers: more would make long chains of views quadratic. */
const nodesMax = 64;

function alias(node: OnnxNode, builder: GraphBuilder, value: Value): void {
  builder.define(node.outputs[0] ?? '', { ...value, nodes: [...value.nodes, node].slice(-nodesMax) });
}

/** Concat along the channels. */
export function translateConcat(node: OnnxNode, builder: GraphBuilder): void {
  const values = node.inputs.map((_, index) => builder.value(node, index));
  const rank = values[0]?.shape.length ?? 0;
  const axis = normaliseAxis(node, integerAttribute(node, 'axis', 0), rank);
  const model = values.find(({ axes }) => axes[axis]?.length === 1 && axes[axis][0] === 'channels');
  const shape = outputShape(node, builder);
  if (model === undefined) decline(`joins along axis ${axis} to [${shape}]; the NPU joins channels`);
  const inputs = values.map((_, index) => builder.map(node, index, model.axes));
  const quantisation = commonQuantisation(values);
  const { rows, columns } = model.map;
  const channels = inputs.reduce((sum, map) => sum + map.channels, 0);
  builder.emit(
    node,
    { kind: 'concat', inputs },
    {
      tensor: node.outputs[0] ?? '',
      sizes: { channels, rows, columns },
      axes: model.axes,
      ...quantisation,
    },
  );
}

/** Integers can be joined as they are when they mean the same. */
function commonQuantisation(
  values: readonly Value[],
): Pick<ImportedMap, 'quantisation'> & { isInteger: boolean } {
  const [first] = values;
  const quantisation = first?.map.quantisation;
  if (first?.isInteger !== true || quantisation === undefined) return { isInteger: false };
  const differs = values.some(
    ({ map }) =>
      map.quantisation?.scale !== quantisation.scale || map.quantisation.zeroPoint !== quantisation.zeroPoint,
  );
  if (differs) decline('joins integers of different scales');
  return { isInteger: true, quantisation };
}

/** Slice along the channels. */
export function translateSlice(node: OnnxNode, builder: GraphBuilder): void {
  const value = builder.value(node, 0);
  const ranges = sliceRangesOf(node, builder.facts) ?? decline('its bounds are computed');
  const cuts = ranges.filter(({ axis, start, step, count }) => {
    return start !== 0 || step !== 1 || count !== value.shape[axis];
  });
  const [cut] = cuts;
  if (cut === undefined) {
    alias(node, builder, value);
    return;
  }
  if (cuts.length > 1 || cut.step !== 1)
    decline(`cuts [${value.shape}] to [${outputShape(node, builder)}]; the NPU cuts channels`);
  sliceChannels(node, builder, {
    axis: cut.axis,
    parts: [{ output: 0, start: cut.start, count: cut.count }],
  });
}

/** Split along the channels: a slice for each output. */
export function translateSplit(node: OnnxNode, builder: GraphBuilder): void {
  const { shape } = builder.value(node, 0);
  const axis = normaliseAxis(node, integerAttribute(node, 'axis', 0), shape.length);
  let start = 0;
  const parts = node.outputs.map((_, output) => {
    const count = outputShape(node, builder, output)[axis] ?? 0;
    const part = { output, start, count };
    start += count;
    return part;
  });
  sliceChannels(node, builder, { axis, parts });
}

function sliceChannels(
  node: OnnxNode,
  builder: GraphBuilder,
  { axis, parts }: { axis: number; parts: readonly { output: number; start: number; count: number }[] },
): void {
  const { axes, isInteger, shape } = builder.value(node, 0);
  const along = axes[axis] ?? [];
  if (along.length !== 1 || along[0] !== 'channels')
    decline(`cuts [${shape}] along axis ${axis}; the NPU cuts channels`);
  const input = builder.map(node, 0, axes);
  const { rows, columns } = input;
  for (const { output, start, count } of parts) {
    if (count === 0) decline('gives an empty part');
    const quantisation = isInteger ? input.quantisation : undefined;
    builder.emit(
      node,
      { kind: 'slice', input, firstChannel: start },
      {
        tensor: node.outputs[output] ?? '',
        sizes: { channels: count, rows, columns },
        axes,
        isInteger,
        quantisation,
      },
    );
  }
}

/** Pad with a constant, around rows and columns. */
export function translatePad(node: OnnxNode, builder: GraphBuilder): void {
  const mode = stringAttribute(node, 'mode', 'constant');
  if (mode !== 'constant') decline(`mode ${mode}; the NPU pads with a constant`);
  const { shape, isInteger } = builder.value(node, 0);
  const pads = padsOf(node, builder.facts) ?? decline('its pads are computed');
  const axes = channelsFirst(shape.length) ?? decline(`pads a tensor of rank ${shape.length}`);
  const input = builder.map(node, 0, axes);
  const side = (values: readonly number[], direction: 'rows' | 'columns'): number =>
    values[axes.findIndex((each) => each.includes(direction))] ?? 0;
  const isOther = [...pads.before, ...pads.after].some((pad) => pad < 0);
  if (isOther || [0, 1].some((axis) => pads.before[axis] !== 0 || pads.after[axis] !== 0)) {
    decline(`pads [${pads.before}] and [${pads.after}]; the NPU pads rows and columns`);
  }
  const value = padValue(node, builder);
  const body = {
    kind: 'pad',
    input,
    padTop: side(pads.before, 'rows'),
    padLeft: side(pads.before, 'columns'),
    padBottom: side(pads.after, 'rows'),
    padRight: side(pads.after, 'columns'),
    value,
  } as const;
  builder.emit(node, body, {
    tensor: node.outputs[0] ?? '',
    sizes: {
      channels: input.channels,
      rows: input.rows + body.padTop + body.padBottom,
      columns: input.columns + body.padLeft + body.padRight,
    },
    axes,
    isInteger,
    quantisation: isInteger ? input.quantisation : undefined,
  });
}

function padValue(node: OnnxNode, builder: GraphBuilder): number {
  const attribute = node.attributes.get('value');
  if (attribute?.kind === 'float') return attribute.value;
  if ((node.inputs[2] ?? '') === '') return realOf(node, builder, 0);
  const tensor = builder.facts.constant(node, 2) ?? decline('its value is computed');
  return realOf(node, builder, tensor);
}

/** Nearest resize by whole factors, whatever the coordinate rule, as long as it repeats elements. */
export function translateResize(node: OnnxNode, builder: GraphBuilder): void {
  const mode = stringAttribute(node, 'mode', 'nearest');
  if (mode !== 'nearest') decline(`mode ${mode}; the NPU takes nearest`);
  const { shape, isInteger } = builder.value(node, 0);
  const target = outputShape(node, builder);
  const axes = channelsFirst(shape.length) ?? decline(`resizes a tensor of rank ${shape.length}`);
  const factors = shape.map((size, axis) => (target[axis] ?? 0) / size);
  const isWhole = factors.every((factor) => Number.isInteger(factor) && factor >= 1);
  if (!isWhole || factors[0] !== 1 || factors[1] !== 1) {
    decline(`resizes [${shape}] to [${target}]; the NPU takes whole factors`);
  }
  const rule = nearestRule(node);
  const isRepeating = shape.every((size, axis) => repeats(rule, { size, factor: factors[axis] ?? 1 }));
  if (!isRepeating)
    decline(`its coordinates (${rule.coordinates}, ${rule.rounding}) do more than repeat elements`);
  const input = builder.map(node, 0, axes);
  const [rowFactor, columnFactor] = shape.length === 4 ? [factors[2], factors[3]] : [1, factors[2]];
  builder.emit(
    node,
    { kind: 'resize', input, rowFactor: rowFactor ?? 1, columnFactor: columnFactor ?? 1 },
    {
      tensor: node.outputs[0] ?? '',
      sizes: {
        channels: input.channels,
        rows: input.rows * (rowFactor ?? 1),
        columns: input.columns * (columnFactor ?? 1),
      },
      axes,
      isInteger,
      quantisation: isInteger ? input.quantisation : undefined,
    },
  );
}

interface NearestRule {
  coordinates: string;
  rounding: string;
}

function nearestRule(node: OnnxNode): NearestRule {
  // Upsample, and Resize before operator set 11, have asymmetric coordinates and round down.
  const isOld =
    !node.attributes.has('coordinate_transformation_mode') && !node.attributes.has('nearest_mode');
  const isUpsample = node.operator === 'Upsample' || (isOld && node.inputs.length === 2);
  return {
    coordinates: stringAttribute(
      node,
      'coordinate_transformation_mode',
      isUpsample ? 'asymmetric' : 'half_pixel',
    ),
    rounding: stringAttribute(node, 'nearest_mode', isUpsample ? 'floor' : 'round_prefer_floor'),
  };
}

/** Whether every output element r takes input element floor(r / factor), by the formulas of onnx/docs/Operators.md. */
function repeats(
  { coordinates, rounding }: NearestRule,
  { size, factor }: { size: number; factor: number },
): boolean {
  const count = size * factor;
  const original: Record<string, (index: number) => number> = {
    half_pixel: (index) => (index + 0.5) / factor - 0.5,
    half_pixel_symmetric: (index) => (index + 0.5) / factor - 0.5,
    pytorch_half_pixel: (index) => (count > 1 ? (index + 0.5) / factor - 0.5 : 0),
    align_corners: (index) => (count > 1 ? (index * (size - 1)) / (count - 1) : 0),
    asymmetric: (index) => index / factor,
  };
  const rounded: Record<string, (value: number) => number> = {
    round_prefer_floor: (value) => Math.ceil(value - 0.5),
    round_prefer_ceil: (value) => Math.floor(value + 0.5),
    floor: Math.floor,
    ceil: Math.ceil,
  };
  const place = original[coordinates];
  const round = rounded[rounding];
  if (place === undefined || round === undefined) return false;
  return Array.from({ length: count }, (_, index) => index).every((index) => {
    const nearest = Math.min(Math.max(round(place(index)), 0), size - 1);
    return nearest === Math.floor(index / factor);
  });
}
