import { elementCount } from '../../contract/tensor-data.ts';
import type { Window } from '../network/network.ts';
import { pixelWindow } from '../network/pixel-window.ts';
import { elementType } from '../onnx/element-types.ts';
import { floatAttribute, integerAttribute, type OnnxNode } from '../onnx/model.ts';
import { type Axes, channelsFirst, wideDirections } from './axes.ts';
import { describeFacts } from './facts.ts';
import { givenWeights } from './given-weights.ts';
import type { Direction, ImportedMap } from './graph.ts';
import { decline, type GraphBuilder } from './graph-builder.ts';
import { outputShape } from './translate-layout.ts';
import { type WindowSizes, windowSizesOf } from './windows.ts';

/** Conv over rows and columns, or over columns alone. */
export function translateConvolution(node: OnnxNode, builder: GraphBuilder): void {
  const weights = builder.facts.floats(node, 1) ?? decline(notConstant(node, builder));
  const shape = builder.facts.constant(node, 1)?.shape ?? [];
  const { shape: inputShape } = builder.value(node, 0);
  const axes = channelsFirst(inputShape.length);
  if (axes === undefined || inputShape.length < 3) {
    decline(`${inputShape.length - 2} spatial axes; the NPU takes one or two`);
  }
  const [outputs = 0, , ...kernel] = shape;
  if (isFlattened(node, builder, kernel)) {
    const biasValues = convolutionBias(node, builder, outputs);
    emitProduct(node, builder, { weights, outputs, bias: biasValues, biasIndex: 2, axis: 1 });
    return;
  }
  const input = builder.map(node, 0, axes);
  const sizes = windowSizesOf(node, { input: inputShape.slice(2), kernel });
  const window = windowOf(sizes);
  const bias = convolutionBias(node, builder, outputs);
  const given = givenWeights(node, builder, { weights, outputs, input, bias: 2 });
  const body = {
    kind: 'convolution',
    input,
    window,
    groups: integerAttribute(node, 'group', 1),
    weights,
    bias,
    ...given,
  } as const;
  const { output } = sizes;
  const [rows = 1, columns = 1] = output.length === 1 ? [1, ...output] : output;
  builder.emit(node, body, {
    tensor: node.outputs[0] ?? '',
    sizes: { channels: outputs, rows, columns },
    axes,
  });
}

/** Why the second operand gives no weights. */
function notConstant(node: OnnxNode, builder: GraphBuilder): string {
  const facts = builder.facts.input(node, 1);
  const isFloat = facts?.elementType === undefined || facts.elementType === elementType.FLOAT;
  return isFloat ? 'its weights are computed' : `its weights are ${describeFacts(facts)}, not FLOAT`;
}

function convolutionBias(node: OnnxNode, builder: GraphBuilder, outputs: number): Float32Array {
  if ((node.inputs[2] ?? '') === '') return new Float32Array(outputs);
  const bias = builder.facts.floats(node, 2) ?? decline('its bias is computed');
  return bias.length === outputs ? bias : decline(`${bias.length} biases for ${outputs} outputs`);
}

/** Whether a 1 x 1 kernel meets one pixel whose channels are a whole map: a matrix product behind a Flatten. */
function isFlattened(node: OnnxNode, builder: GraphBuilder, kernel: readonly number[]): boolean {
  const { map, axes, shape } = builder.value(node, 0);
  const isPixel = [...kernel, ...shape.slice(2)].every((size) => size === 1);
  const isPlain =
    integerAttribute(node, 'group', 1) === 1 &&
    outputShape(node, builder)
      .slice(2)
      .every((size) => size === 1);
  return isPixel && isPlain && wideDirections(map, axes[1] ?? []).length > 1;
}

/** A window of one or two spatial axes; the overhang of `ceil_mode` becomes padding. */
export function windowOf(sizes: WindowSizes): Window {
  const pair = (values: readonly number[], other: number): readonly [number, number] =>
    values.length === 1 ? [other, values[0] ?? other] : [values[0] ?? other, values[1] ?? other];
  const [kernelRows, kernelColumns] = pair(sizes.kernel, 1);
  const [strideRows, strideColumns] = pair(sizes.strides, 1);
  const [dilationRows, dilationColumns] = pair(sizes.dilations, 1);
  const [padTop, padLeft] = pair(sizes.padsBefore, 0);
  const [padBottom, padRight] = pair(
    sizes.padsAfter.map((pad, axis) => pad + (sizes.overhang[axis] ?? 0)),
    0,
  );
  return {
    kernelRows,
    kernelColumns,
    strideRows,
    strideColumns,
    dilationRows,
    dilationColumns,
    padTop,
    padLeft,
    padBottom,
    padRight,
  };
}

/** MatMul by a constant matrix: a convolution of one pixel, or of the whole map behind a Flatten. */
export function translateMatMul(node: OnnxNode, builder: GraphBuilder): void {
  const matrix = builder.facts.floats(node, 1) ?? decline(notConstant(node, builder));
  const shape = builder.facts.constant(node, 1)?.shape ?? [];
  const [inputs = 0, outputs = 0] = shape.slice(-2);
  if (elementCount(shape) !== inputs * outputs || shape.length < 2) decline(`a stack of matrices [${shape}]`);
  const weights = transposed(matrix, { rows: inputs, columns: outputs });
  emitProduct(node, builder, {
    weights,
    outputs,
    bias: new Float32Array(outputs),
    biasIndex: undefined,
    axis: -1,
  });
}

/** Gemm by a constant matrix. */
export function translateGemm(node: OnnxNode, builder: GraphBuilder): void {
  if (integerAttribute(node, 'transA', 0) !== 0) decline('transA is set');
  const matrix = builder.facts.floats(node, 1) ?? decline(notConstant(node, builder));
  const shape = builder.facts.constant(node, 1)?.shape ?? [];
  const isTransposed = integerAttribute(node, 'transB', 0) !== 0;
  const [inputs = 0, outputs = 0] = isTransposed ? [...shape].reverse() : shape;
  const alpha = floatAttribute(node, 'alpha', 1);
  const beta = floatAttribute(node, 'beta', 1);
  const ordered = isTransposed ? matrix : transposed(matrix, { rows: inputs, columns: outputs });
  const weights = alpha === 1 ? ordered : ordered.map((weight) => alpha * weight);
  const bias = gemmBias(node, builder, outputs).map((value) => beta * value);
  emitProduct(node, builder, {
    weights,
    outputs,
    bias,
    biasIndex: beta === 1 && alpha === 1 ? 2 : undefined,
    axis: -1,
  });
}

function gemmBias(node: OnnxNode, builder: GraphBuilder, outputs: number): Float32Array {
  if ((node.inputs[2] ?? '') === '') return new Float32Array(outputs);
  const values = builder.facts.floats(node, 2) ?? decline('its third operand is computed');
  if (values.length === 1) return new Float32Array(outputs).fill(values[0] ?? 0);
  const shape = builder.facts.constant(node, 2)?.shape ?? [];
  return values.length === outputs && shape.at(-1) === outputs
    ? values
    : decline(`adds [${shape}] to its rows`);
}

/** A product summed over one axis of the input; `weights` is [outputs][inputs], inputs in that axis's order. */
function emitProduct(
  node: OnnxNode,
  builder: GraphBuilder,
  options: {
    weights: Float32Array;
    outputs: number;
    bias: Float32Array;
    biasIndex: number | undefined;
    axis: number;
  },
): void {
  const { outputs, bias, biasIndex } = options;
  const value = builder.value(node, 0);
  const { map, axes, shape } = value;
  const place = options.axis < 0 ? axes.length + options.axis : options.axis;
  const along = wideDirections(map, axes[place] ?? []);
  const isPixel = along.every((direction) => direction === 'channels');
  const others = axes.filter((_, axis) => axis !== place).flatMap((each) => wideDirections(map, each));
  if (isPixel ? others.includes('channels') : others.length > 0) {
    decline(`sums over ${along.join('*') || 'nothing'} of [${shape}], whose channels stand elsewhere`);
  }
  const input = builder.materialise(node.inputs[0] ?? '');
  const weights = isPixel ? options.weights : reordered(options.weights, { map, along, outputs });
  const given = givenWeights(node, builder, { weights, outputs, input, bias: biasIndex });
  const window = isPixel ? pixelWindow : { ...pixelWindow, kernelRows: map.rows, kernelColumns: map.columns };
  const { rows, columns } = isPixel ? map : { rows: 1, columns: 1 };
  const outputAxes: Axes = axes.map((each, axis) =>
    axis === place ? ['channels'] : isPixel ? each.filter((one) => one !== 'channels') : [],
  );
  const body = { kind: 'convolution', input, window, groups: 1, weights, bias, ...given } as const;
  const result = {
    tensor: node.outputs[0] ?? '',
    sizes: { channels: outputs, rows, columns },
    axes: outputAxes,
  };
  builder.emit(node, body, result);
}

/** Weights of inputs in the order of `along`, brought into the order channels, rows, columns. */
function reordered(
  weights: Float32Array,
  { map, along, outputs }: { map: ImportedMap; along: readonly Direction[]; outputs: number },
): Float32Array {
  const { channels, rows, columns } = map;
  const inputs = channels * rows * columns;
  const pitch = { channels: 0, rows: 0, columns: 0 };
  let step = 1;
  for (const direction of along.toReversed()) {
    pitch[direction] = step;
    step *= map[direction];
  }
  const result = new Float32Array(weights.length);
  let target = 0;
  for (let output = 0; output < outputs; output += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      for (let row = 0; row < rows; row += 1) {
        for (let column = 0; column < columns; column += 1) {
          const source = channel * pitch.channels + row * pitch.rows + column * pitch.columns;
          result[target] = weights[output * inputs + source] ?? 0;
          target += 1;
        }
      }
    }
  }
  return result;
}

function transposed(
  values: Float32Array,
  { rows, columns }: { rows: number; columns: number },
): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      result[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return result;
}
