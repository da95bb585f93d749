import type { OnnxNode } from '../onnx/model.ts';
import { padAxes, wideDirections } from './axes.ts';
import type { ImportedMap } from './graph.ts';
import { decline, type GraphBuilder, type Value } from './graph-builder.ts';
import { argument, call } from './scalar-function.ts';

/** Add, Sub, Mul of maps, the smaller of one pixel perhaps. */
export function translateMaps(node: OnnxNode, builder: GraphBuilder, operator: string): void {
  if (operator !== 'Add' && operator !== 'Sub' && operator !== 'Mul') decline('of two computed tensors');
  let sum: Term = { value: builder.value(node, 0), map: builder.materialise(node.inputs[0] ?? '') };
  for (let index = 1; index < node.inputs.length; index += 1) {
    const value = builder.value(node, index);
    const map = builder.materialise(node.inputs[index] ?? '');
    const other = { value, map: operator === 'Sub' ? negated(node, builder, map) : map };
    sum = join(node, builder, { sum, other, index, kind: operator === 'Mul' ? 'multiply' : 'add' });
  }
}

/** A map and how a tensor holds it. */
interface Term {
  value: Value;
  map: ImportedMap;
}

function join(
  node: OnnxNode,
  builder: GraphBuilder,
  options: { sum: Term; other: Term; index: number; kind: 'add' | 'multiply' },
): Term {
  const { sum, other, index, kind } = options;
  const rank = Math.max(sum.value.axes.length, other.value.axes.length);
  const [wide, narrow] = pixelsOf(sum.map) < pixelsOf(other.map) ? [other, sum] : [sum, other];
  checkBroadcast({ wide: wide.value, narrow: narrow.value, rank });
  const [output = ''] = node.outputs;
  const axes = padAxes(wide.value.axes, rank);
  const body = { kind, first: wide.map, second: narrow.map };
  const map =
    index === node.inputs.length - 1
      ? builder.emit(node, body, { tensor: output, sizes: wide.map, axes })
      : builder.emitStep(node, body, { tensor: `${output}//${index}`, sizes: wide.map });
  return { map, value: { ...wide.value, map, axes } };
}

function negated(node: OnnxNode, builder: GraphBuilder, input: ImportedMap): ImportedMap {
  const scalar = call('Neg', [argument]);
  const tensor = `${node.outputs[0]}//negated`;
  return builder.emitStep(node, { kind: 'activation', input, scalar }, { tensor, sizes: input });
}

function pixelsOf({ rows, columns }: ImportedMap): number {
  return rows * columns;
}

/** Declines operands whose elements do not meet place by place, one pixel being spread perhaps. */
function checkBroadcast({ wide, narrow, rank }: { wide: Value; narrow: Value; rank: number }): void {
  const isOne = pixelsOf(narrow.map) === 1;
  const isSame = wide.map.rows === narrow.map.rows && wide.map.columns === narrow.map.columns;
  if (wide.map.channels !== narrow.map.channels || !(isOne || isSame)) {
    decline(
      `of [${wide.shape}] and [${narrow.shape}]; the NPU spreads one pixel over a map of as many channels`,
    );
  }
  const narrowAxes = padAxes(narrow.axes, rank);
  const meets = padAxes(wide.axes, rank).every((directions, axis) => {
    const own = wideDirections(narrow.map, directions);
    const others = wideDirections(narrow.map, narrowAxes[axis] ?? []);
    return own.length === others.length && own.every((direction, index) => direction === others[index]);
  });
  if (!meets) decline(`of [${wide.shape}] and [${narrow.shape}], whose axes do not meet`);
}
