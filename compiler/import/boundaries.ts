import { elementType } from '../onnx/element-types.ts';
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from '../onnx/model.ts';
import { isOwnOrder } from './axes.ts';
import { cutModel, extractSubModel } from './cut-model.ts';
import type { Direction, ImportedMap, TensorView } from './graph.ts';
import type { ImportedModel } from './import-model.ts';
import { unsignedShift } from './quantised-values.ts';

/** A feature map where data goes from host to NPU or back. */
export interface Boundary {
  map: ImportedMap;
  /**
   * The float tensor of head or tail, or of the graph, that holds the map's elements in its own order:
   * channels, then rows, then columns, whatever its shape.
   */
  tensor: string;
  shape: readonly number[];
  /** The tensor of the model that it stands for; the same one when that holds floats in the map's order. */
  view: TensorView;
}

/**
 * The tensor through which a map passes: one of the model's, with floats in the map's order where there is
 * one, and one of `wanted` rather than another.
 */
export function boundaryOf(
  map: ImportedMap,
  { model }: ImportedModel,
  wanted: ReadonlySet<string> = new Set(),
): Boundary {
  const known = new Set([
    ...model.graph.inputs.map(({ name }) => name),
    ...model.graph.nodes.flatMap(({ outputs }) => outputs),
  ]);
  const work = (view: TensorView): number => (view.isInteger ? 2 : 0) + (isOwnOrder(map, view.axes) ? 0 : 1);
  const cost = (view: TensorView): number => 2 * work(view) + (wanted.has(view.tensor) ? 0 : 1);
  const [view] = map.tensors
    .filter(({ tensor }) => known.has(tensor))
    .toSorted((first, second) => cost(first) - cost(second));
  if (view === undefined) throw new TypeError(`map ${map.name} is no tensor of the model`);
  if (work(view) === 0) return { map, tensor: view.tensor, shape: view.shape, view };
  const shape = [1, map.channels, map.rows, map.columns];
  return { map, tensor: `${map.name}//npu`, shape, view };
}

/** What computes a region's inputs; undefined when they are graph inputs. */
export function cutHead(imported: ImportedModel, boundaries: readonly Boundary[]): OnnxModel | undefined {
  const inputNames = new Set(imported.model.graph.inputs.map(({ name }) => name));
  const needed = boundaries.filter(({ tensor }) => !inputNames.has(tensor));
  if (needed.length === 0) return undefined;
  const part = extractSubModel(imported.model, {
    inputs: imported.model.graph.inputs,
    outputs: needed.map(({ view }) => graphValueOf(imported, view.tensor)),
  });
  const adapter = new Adapter(imported);
  for (const { map, tensor, view } of needed) {
    if (tensor !== view.tensor) adapter.toOwnOrder({ map, view, tensor });
  }
  const outputs = needed.map(({ tensor, shape }) => ({
    name: tensor,
    elementType: elementType.FLOAT,
    shape,
  }));
  return adapter.around(part, { outputs, isBefore: false });
}

/** What computes the graph's outputs from a region's; undefined when they are the same tensors. */
export function cutTail(
  imported: ImportedModel,
  { outputs, available }: { outputs: readonly Boundary[]; available: ReadonlyMap<string, ImportedMap> },
): OnnxModel | undefined {
  const { model } = imported;
  const direct = new Set(outputs.map(({ tensor }) => tensor));
  const wanted = model.graph.outputs.filter(({ name }) => !direct.has(name));
  if (wanted.length === 0) return undefined;
  const { reads } = cutModel(model, {
    outputs: wanted.map(({ name }) => name),
    given: new Set(available.keys()),
  });
  const adapter = new Adapter(imported);
  const entering = new Set<Boundary>();
  for (const name of reads) {
    const boundary = outputs.find(({ map }) => map === available.get(name));
    const target = boundary?.map.tensors.find(({ tensor }) => tensor === name);
    if (boundary === undefined || target === undefined) continue;
    entering.add(boundary);
    if (boundary.tensor !== name)
      adapter.fromOwnOrder({ map: boundary.map, view: target, tensor: boundary.tensor });
  }
  const part = extractSubModel(model, {
    inputs: [...reads].map((name) => graphValueOf(imported, name)),
    outputs: wanted.map((value) => ({
      ...value,
      shape: imported.facts.all.get(value.name)?.shape ?? value.shape,
    })),
  });
  const inputs = [...entering].map(({ tensor, shape }) => ({
    name: tensor,
    elementType: elementType.FLOAT,
    shape,
  }));
  const others = part.graph.inputs.filter(({ name }) => !available.has(name));
  return adapter.around(
    { ...part, graph: { ...part.graph, inputs: [...inputs, ...others] } },
    { outputs: part.graph.outputs, isBefore: true },
  );
}

function graphValueOf({ facts, model }: ImportedModel, name: string): OnnxValue {
  const known = facts.all.get(name);
  const declared = model.graph.outputs.find((output) => output.name === name);
  const type = known?.elementType ?? declared?.elementType;
  return { name, elementType: type, shape: known?.shape ?? declared?.shape };
}

/** Nodes that bring a map's elements into its own order and shape, or from there into a tensor of the model. */
class Adapter {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants = new Map<string, OnnxTensor>();
  readonly #imported: ImportedModel;

  constructor(imported: ImportedModel) {
    this.#imported = imported;
  }

  toOwnOrder({ map, view, tensor }: { map: ImportedMap; view: TensorView; tensor: string }): void {
    const real = this.#changeIntegers('DequantizeLinear', {
      map,
      view,
      from: view.tensor,
      to: `${tensor}//real`,
    });
    // One axis for each direction that runs along one, then those axes in the map's order.
    const flat = view.axes.flat();
    const own = (['channels', 'rows', 'columns'] as const).filter((direction) => flat.includes(direction));
    const split = this.#reshape(real, { to: `${tensor}//split`, shape: flat.map((each) => map[each]) });
    const ordered = this.#transpose(split, {
      to: `${tensor}//ordered`,
      order: own.map((each) => flat.indexOf(each)),
    });
    this.#reshape(ordered, { to: tensor, shape: [1, map.channels, map.rows, map.columns] });
  }

  fromOwnOrder({ map, view, tensor }: { map: ImportedMap; view: TensorView; tensor: string }): void {
    const prefix = `${view.tensor}//from-npu`;
    const flat = view.axes.flat();
    const own = (['channels', 'rows', 'columns'] as const).filter((direction) => flat.includes(direction));
    const split = this.#reshape(tensor, {
      to: `${prefix}//split`,
      shape: own.map((each: Direction) => map[each]),
    });
    const order = flat.map((each) => own.indexOf(each));
    const ordered = this.#transpose(split, { to: `${prefix}//ordered`, order });
    const to = view.isInteger ? `${prefix}//real` : view.tensor;
    const real = this.#reshape(ordered, { to, shape: view.shape });
    if (view.isInteger) this.#changeIntegers('QuantizeLinear', { map, view, from: real, to: view.tensor });
  }

  /** The part with these nodes before or behind its own. */
  around(
    part: OnnxModel,
    { outputs, isBefore }: { outputs: readonly OnnxValue[]; isBefore: boolean },
  ): OnnxModel {
    const { graph } = part;
    const nodes = isBefore ? [...this.#nodes, ...graph.nodes] : [...graph.nodes, ...this.#nodes];
    const initialisers = new Map([...graph.initialisers, ...this.#constants]);
    return { ...part, graph: { ...graph, nodes, initialisers, outputs } };
  }

  #changeIntegers(
    operator: 'QuantizeLinear' | 'DequantizeLinear',
    { map, view, from, to }: { map: ImportedMap; view: TensorView; from: string; to: string },
  ): string {
    if (!view.isInteger || map.quantisation === undefined) return from;
    const { scale, zeroPoint } = map.quantisation;
    const isUnsigned = this.#imported.facts.all.get(view.tensor)?.elementType === elementType.UINT8;
    const inputs = [
      from,
      this.#constant(`${to}//scale`, { type: elementType.FLOAT, values: Float32Array.of(scale), shape: [] }),
      this.#constant(`${to}//zero-point`, {
        type: isUnsigned ? elementType.UINT8 : elementType.INT8,
        values: isUnsigned ? Uint8Array.of(zeroPoint + unsignedShift) : Int8Array.of(zeroPoint),
        shape: [],
      }),
    ];
    return this.#add(operator, { inputs, output: to });
  }

  #reshape(from: string, { to, shape }: { to: string; shape: readonly number[] }): string {
    const values = BigInt64Array.from(shape, BigInt);
    const target = this.#constant(`${to}//shape`, {
      type: elementType.INT64,
      values,
      shape: [values.length],
    });
    return this.#add('Reshape', { inputs: [from, target], output: to });
  }

  #transpose(from: string, { to, order }: { to: string; order: readonly number[] }): string {
    return this.#add('Transpose', {
      inputs: [from],
      output: to,
      attributes: { perm: { kind: 'ints', value: order } },
    });
  }

  #add(
    operator: string,
    options: { inputs: readonly string[]; output: string; attributes?: Record<string, OnnxAttribute> },
  ): string {
    const { inputs, output, attributes = {} } = options;
    const node = { name: output, operator, domain: '', inputs, outputs: [output] };
    this.#nodes.push({ ...node, attributes: new Map(Object.entries(attributes)) });
    return output;
  }

  #constant(
    name: string,
    { type, values, shape }: { type: number; values: ArrayBufferView; shape: readonly number[] },
  ): string {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#constants.set(name, { name, elementType: type, shape, data });
    return name;
  }
}
