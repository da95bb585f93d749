import {
  type ActivationOperation,
  type ImportedMap,
  type ImportedOperation,
  inputsOf,
} from '../import/graph.ts';
import { clampOf } from '../import/scalar-function.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import { isSameQuantisation } from './quantisation.ts';

/** An operation as one layer computes it, perhaps with the activation behind it. */
export interface Step {
  operation: ImportedOperation;
  /** The activation that the layer does as well: in its clamp, or through its table. */
  fused?: { activation: ActivationOperation; how: 'clamp' | 'table' };
  /** What the layer gives. */
  output: ImportedMap;
}

/** Joins operations with the activations that a layer can do as well. */
export function stepsOf(part: FloatPart): Step[] {
  const readers = readersOf(part);
  const fused = new Set<ImportedOperation>();
  const steps: Step[] = [];
  for (const operation of part.operations) {
    if (fused.has(operation)) continue;
    const reader = soleReader(operation.output, { part, readers });
    const how = reader?.kind === 'activation' ? fusionOf(operation, reader) : undefined;
    if (reader?.kind === 'activation' && how !== undefined) {
      fused.add(reader);
      steps.push({ operation, fused: { activation: reader, how }, output: reader.output });
    } else {
      steps.push({ operation, output: operation.output });
    }
  }
  return steps;
}

/** Operations that read each map, by its name. */
export function readersOf({ operations }: FloatPart): ReadonlyMap<string, readonly ImportedOperation[]> {
  const readers = new Map<string, ImportedOperation[]>();
  for (const operation of operations) {
    for (const name of new Set(inputsOf(operation).map((map) => map.name))) {
      readers.set(name, [...(readers.get(name) ?? []), operation]);
    }
  }
  return readers;
}

/** The one operation that needs a map; undefined when there are several or the map leaves the region. */
export function soleReader(
  map: ImportedMap,
  { part, readers }: { part: FloatPart; readers: ReadonlyMap<string, readonly ImportedOperation[]> },
): ImportedOperation | undefined {
  const list = readers.get(map.name) ?? [];
  return list.length === 1 && !part.outputs.some(({ name }) => name === map.name) ? list[0] : undefined;
}

/** Whether a layer requantises its sums, so that its result has a scale of its own. */
export function isRequantising(operation: ImportedOperation): boolean {
  const { kind } = operation;
  return kind === 'add' || kind === 'multiply' || kind === 'average-pool' || isConvolving(operation);
}

/** Whether a convolution gives the result; an average that leaves padding out ends in a product. */
function isConvolving(operation: ImportedOperation): boolean {
  const { kind } = operation;
  if (kind === 'average-pool') return !operation.excludesPadding;
  return kind === 'convolution' || kind === 'global-average';
}

/**
 * A clamp costs nothing and needs no scale in front of it, unless a given quantisation stands there that
 * has other integers. Anything else goes through the table that convolutions have.
 */
function fusionOf(
  operation: ImportedOperation,
  activation: ActivationOperation,
): 'clamp' | 'table' | undefined {
  if (!isRequantising(operation)) return undefined;
  const before = operation.output.quantisation;
  const after = activation.output.quantisation;
  const isRounded = before !== undefined && (after === undefined || !isSameQuantisation(before, after));
  if (clampOf(activation.scalar) !== undefined && !(isRounded && after !== undefined)) return 'clamp';
  return isConvolving(operation) ? 'table' : undefined;
}
