import type { InputShapes } from '../../compiler/import/bind-shapes.ts';
import type { Boundary } from '../../compiler/import/boundaries.ts';
import { importModel } from '../../compiler/import/import-model.ts';
import { partition } from '../../compiler/import/partition.ts';
import type { FloatPart } from '../../compiler/import/to-onnx.ts';
import type { Layer, Network } from '../../compiler/network/network.ts';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import { givenRefusal } from '../../compiler/quantise/given.ts';
import type { RegionSample } from '../../compiler/quantise/samples.ts';
import { evaluateNetwork } from './evaluate-network.ts';
import { seededRandom } from './random.ts';

/** The NPU region of a model, ready for quantising. */
export interface ImportedPart {
  part: FloatPart;
  boundaries: readonly Boundary[];
  head?: Uint8Array;
}

/** Imports a model and takes its region. */
export async function partOf(model: Uint8Array, shapes: InputShapes = {}): Promise<ImportedPart> {
  const { regions, head } = partition(await importModel(model, { shapes }), { refuses: givenRefusal });
  const [region] = regions;
  if (region === undefined) throw new Error('no region');
  const { operations, inputs, outputs } = region;
  const part = {
    name: 'region',
    operations,
    inputs: inputs.map(({ map }) => map),
    outputs: outputs.map(({ map }) => map),
  };
  return { part, boundaries: inputs, ...(head === undefined ? {} : { head: writeModel(head) }) };
}

/** Uniform random values from -1 to 1 for every input of a region. */
export function randomSamples(
  part: FloatPart,
  { count, seed }: { count: number; seed: number },
): RegionSample[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () =>
    part.inputs.map(({ channels, rows, columns }) =>
      Float32Array.from({ length: channels * rows * columns }, () => random() / 2 ** 31 - 1),
    ),
  );
}

/** A network as text, every byte of its constants included. */
export function textOf(network: Network): string {
  return JSON.stringify(network, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? [...(value as Int8Array)] : value,
  );
}

/** The kinds of a network's layers, in order. */
export function kindsOf({ layers }: Network): Layer['kind'][] {
  return layers.map(({ kind }) => kind);
}

/** The outputs that the specification's arithmetic gives for integers of the inputs. */
export function evaluate(network: Network, inputs: readonly Int8Array[]): Int8Array[] {
  const values = new Map(network.inputs.map(({ name }, index) => [name, inputs[index] ?? new Int8Array(0)]));
  const outputs = evaluateNetwork(network, values);
  return network.outputs.map(({ name }) => outputs.get(name) ?? new Int8Array(0));
}
