import { quoted } from '../../base/quoted.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { ConcatOperation, ElementwiseOperation, ImportedMap } from '../import/graph.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import { nudgedOutputScale } from '../network/add-terms.ts';
import type { AddQuantisation } from '../network/network.ts';
import { type Quantisation, quantisationOf, type Range, rangeOf, unionOf } from './quantisation.ts';
import { isRequantising, readersOf, type Step, soleReader } from './steps.ts';
import { usefulRange } from './tables.ts';

/** The range that calibration chose for a map; undefined when there was none. */
export type RangeLookup = (map: ImportedMap) => Range | undefined;

/** Quantisation of each map by its name. */
export type Quantisations = ReadonlyMap<string, Quantisation>;

/** Steps of a sum finer than this part of its operands' steps say nothing, and terms for them are no int32. */
const sumScaleMin = 1 / 16;

/**
 * Gives every map of a region a quantisation: the model's own where it has one, else one for its range.
 * Maps that only move elements keep their input's; what a concatenation alone reads takes the
 * concatenation's; sums take a scale that the NPU's terms express. Throws `model_unsupported` naming a map
 * that has neither a quantisation nor a range.
 */
export function assignQuantisations(
  part: FloatPart,
  { steps, rangeOf: lookup }: { steps: readonly Step[]; rangeOf: RangeLookup },
): Quantisations {
  const assigner = new Assigner(part, { steps, lookup });
  for (const input of part.inputs) assigner.define(input);
  for (const step of steps) assigner.assign(step);
  return assigner.quantisations;
}

function nudged(name: string, quantisation: AddQuantisation): number {
  try {
    return nudgedOutputScale(quantisation);
  } catch (thrown) {
    const reason = toSluiceError(thrown).message;
    throw new SluiceError('model_unsupported', `operation ${quoted(name)}: ${reason}`, { cause: thrown });
  }
}

class Assigner {
  readonly quantisations = new Map<string, Quantisation>();
  readonly #lookup: RangeLookup;
  /** Ranges of concatenations for the maps that they alone read. */
  readonly #wanted = new Map<string, Quantisation>();

  constructor(part: FloatPart, { steps, lookup }: { steps: readonly Step[]; lookup: RangeLookup }) {
    this.#lookup = lookup;
    const readers = readersOf(part);
    // Backwards, so that a concatenation of concatenations reaches all of its parts.
    for (const { operation, output } of steps.toReversed()) {
      if (operation.kind !== 'concat') continue;
      const own = this.#wanted.get(output.name) ?? this.#concatenated(operation);
      this.#wanted.set(output.name, own);
      for (const input of operation.inputs) {
        const isSole = soleReader(input, { part, readers }) === operation;
        if (isSole && input.quantisation === undefined) this.#wanted.set(input.name, own);
      }
    }
  }

  define(map: ImportedMap): Quantisation {
    const quantisation = map.quantisation ?? this.#wanted.get(map.name) ?? quantisationOf(this.#range(map));
    this.quantisations.set(map.name, quantisation);
    return quantisation;
  }

  assign({ operation, fused, output }: Step): void {
    switch (operation.kind) {
      case 'maximum-pool':
      case 'resize':
      case 'slice':
      case 'shuffle':
        this.#keep(output, operation.input);
        return;
      case 'pad':
        if (operation.value === 0) this.#keep(output, operation.input);
        else this.define(output);
        return;
      case 'add':
        this.#sum(operation, output);
        return;
    }
    // A clamp keeps the scale that a model gives in front of it.
    const before = operation.output.quantisation;
    if (fused?.how === 'clamp' && output.quantisation === undefined && before !== undefined) {
      this.quantisations.set(output.name, before);
      return;
    }
    const quantisation = this.define(output);
    if (fused?.how !== 'table' || !isRequantising(operation)) return;
    const own =
      before ??
      quantisationOf(usefulRange(fused.activation.scalar, this.#range(operation.output), quantisation));
    this.quantisations.set(operation.output.name, own);
  }

  #keep(output: ImportedMap, input: ImportedMap): void {
    this.quantisations.set(output.name, output.quantisation ?? this.#of(input));
  }

  #sum({ name, first, second, output: before }: ElementwiseOperation, output: ImportedMap): void {
    const given = output.quantisation ?? before.quantisation;
    if (given !== undefined) {
      this.quantisations.set(output.name, given);
      return;
    }
    const [one, other] = [this.#of(first), this.#of(second)];
    const { scale, zeroPoint } = quantisationOf(this.#range(output));
    const quantisation = {
      firstScale: one.scale,
      firstZeroPoint: one.zeroPoint,
      secondScale: other.scale,
      secondZeroPoint: other.zeroPoint,
      outputScale: Math.max(scale, Math.max(one.scale, other.scale) * sumScaleMin),
      outputZeroPoint: zeroPoint,
    };
    this.quantisations.set(output.name, { scale: nudged(name, quantisation), zeroPoint });
  }

  #concatenated({ inputs, output }: ConcatOperation): Quantisation {
    if (output.quantisation !== undefined) return output.quantisation;
    const ranges = inputs.map((input) =>
      input.quantisation === undefined ? this.#range(input) : rangeOf(input.quantisation),
    );
    return quantisationOf(ranges.reduce(unionOf));
  }

  #of(map: ImportedMap): Quantisation {
    const quantisation = this.quantisations.get(map.name);
    if (quantisation === undefined) throw new TypeError(`map ${map.name} is read before it is computed`);
    return quantisation;
  }

  #range(map: ImportedMap): Range {
    const range = this.#lookup(map);
    if (range !== undefined) return range;
    throw new SluiceError(
      'model_unsupported',
      `tensor ${quoted(map.name)}: the model gives it no scale, and there is no calibration data to find one; give calibration data`,
    );
  }
}
