import { SluiceError } from '../../contract/errors.ts';
import { type ImportedMap, multiplyAccumulatesOf } from '../import/graph.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import type { Network } from '../network/network.ts';
import type { Quantisations } from './assign.ts';
import { Noise } from './noise.ts';
import { checkCancelled, type Progress } from './observe.ts';
import { FloatRegion, IntegerRegion } from './run-region.ts';
import { checkSample, noSamples, type RegionSample, type Repeatable } from './samples.ts';

/** Memory that comparing candidates may take. */
const referenceBytesMax = 96 * 2 ** 20;
const referenceSamplesMax = 1024;
/** Multiply-accumulates after which a comparison ends, once it has seen a few samples. */
const comparisonWorkMax = 4e9;
const comparisonSamplesMin = 8;

/** How near an integer network comes to the float region on calibration samples. */
export interface Score {
  /** Signal to noise of the region's outputs, the mean of several. */
  decibels: number;
  /** Part of the samples with the same largest output; left out when no output is a vector of classes. */
  agreement?: number;
  /** Part of the samples with the labelled class. */
  accuracy?: number;
}

/** Integer layers to score, and ends of the region that stay in float. */
export interface Scorable {
  network: Network;
  quantisations: Quantisations;
  head?: FloatPart;
  tail?: FloatPart;
}

/** A labelled class for each sample, in the samples' order. */
export type Labels = readonly number[];

/** Throws `tensor_data` naming the line of a label that is no class of the region's output. */
export function checkLabels({ outputs }: FloatPart, labels: Labels): void {
  const classes = outputs.find(isClassVector)?.channels;
  if (classes === undefined) return;
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong === -1) return;
  throw new SluiceError(
    'tensor_data',
    `--labels, line ${wrong + 1}: class ${labels[wrong]}; the model has ${classes}, numbered 0 to ${classes - 1}`,
  );
}

/** Samples with what the float region gives for them, to compare candidates with. */
export class References {
  readonly #part: FloatPart;
  readonly #samples: RegionSample[] = [];
  readonly #outputs: Float32Array[][] = [];
  readonly #labels: Labels | undefined;
  /** Position of the output that is a vector of classes; -1 when there is none. */
  readonly #classes: number;

  private constructor(part: FloatPart, labels: Labels | undefined) {
    this.#part = part;
    this.#labels = labels;
    this.#classes = part.outputs.findIndex(isClassVector);
  }

  /** Keeps the first samples, at most 1,024 and as many as fit 96 MiB. Throws as `observe` does. */
  static async gather(
    part: FloatPart,
    { samples, labels, signal }: { samples: Repeatable<RegionSample>; labels?: Labels } & Progress,
  ): Promise<References> {
    const references = new References(part, labels);
    const region = await FloatRegion.load(part, part.outputs);
    let bytes = 0;
    try {
      for await (const sample of samples) {
        checkCancelled(signal);
        checkSample(sample, { inputs: part.inputs, index: references.count });
        const outputs = await region.run(sample);
        bytes += [...sample, ...outputs].reduce((sum, values) => sum + values.byteLength, 0);
        if (references.count > 0 && bytes > referenceBytesMax) break;
        references.#samples.push(sample);
        references.#outputs.push(outputs);
        if (references.count === referenceSamplesMax) break;
      }
    } finally {
      await region.release();
    }
    if (references.count === 0) throw noSamples();
    if (labels !== undefined && labels.length < references.count) {
      throw new SluiceError(
        'tensor_data',
        `calibration: ${labels.length} labels for ${references.count} samples or more; give one for each`,
      );
    }
    return references;
  }

  get count(): number {
    return this.#samples.length;
  }

  get samples(): readonly RegionSample[] {
    return this.#samples;
  }

  /** Part of the samples that the float region itself gives the labelled class. */
  get floatAccuracy(): number | undefined {
    if (this.#labels === undefined || this.#classes === -1) return undefined;
    const right = this.#outputs.filter(
      (outputs, index) => topOf(outputs[this.#classes]) === this.#labels?.[index],
    );
    return right.length / this.count;
  }

  /** How many samples are enough to compare two candidates. */
  get comparisonCount(): number {
    const work = this.#part.operations.reduce((sum, operation) => sum + multiplyAccumulatesOf(operation), 1);
    return Math.min(this.count, Math.max(comparisonSamplesMin, Math.floor(comparisonWorkMax / work)));
  }

  /** Runs a candidate over the first `sampleCount` samples. */
  async score(
    candidate: Scorable,
    options: { sampleCount: number; signal?: AbortSignal | undefined },
  ): Promise<Score> {
    const { sampleCount, signal } = options;
    const noises = this.#part.outputs.map(() => new Noise());
    const runner = await CandidateRunner.load(candidate);
    let agreeing = 0;
    let right = 0;
    try {
      for (const [index, sample] of this.#samples.slice(0, sampleCount).entries()) {
        checkCancelled(signal);
        const expected = this.#outputs[index] ?? [];
        const actual = await runner.run(sample);
        for (const [output, noise] of noises.entries()) {
          noise.add(expected[output] as Float32Array, actual[output] as Float32Array);
        }
        const top = topOf(actual[this.#classes]);
        if (top === topOf(expected[this.#classes])) agreeing += 1;
        if (top === this.#labels?.[index]) right += 1;
      }
    } finally {
      await runner.release();
    }
    const decibels = noises.reduce((sum, noise) => sum + noise.decibels, 0) / noises.length;
    if (this.#classes === -1) return { decibels };
    const agreement = agreeing / sampleCount;
    return this.#labels === undefined
      ? { decibels, agreement }
      : { decibels, agreement, accuracy: right / sampleCount };
  }
}

/** A candidate with the float ends around it, if it has any. */
class CandidateRunner {
  readonly #regions: readonly (FloatRegion | IntegerRegion)[];

  private constructor(regions: readonly (FloatRegion | IntegerRegion)[]) {
    this.#regions = regions;
  }

  static async load({ network, quantisations, head, tail }: Scorable): Promise<CandidateRunner> {
    const before = head === undefined ? [] : [await FloatRegion.load(head, head.outputs)];
    const inner = await IntegerRegion.load(network, { quantisations, told: network.outputs });
    const after = tail === undefined ? [] : [await FloatRegion.load(tail, tail.outputs)];
    return new CandidateRunner([...before, inner, ...after]);
  }

  async run(sample: RegionSample): Promise<readonly Float32Array[]> {
    let values: RegionSample = sample;
    for (const region of this.#regions) values = await region.run(values);
    return values;
  }

  async release(): Promise<void> {
    for (const region of this.#regions) await region.release();
  }
}

function isClassVector({ channels, rows, columns }: ImportedMap): boolean {
  return channels > 1 && rows === 1 && columns === 1;
}

/** Index of the largest value, the first of several; -1 for nothing. */
function topOf(values: Float32Array | undefined): number {
  let top = -1;
  for (let index = 0; index < (values?.length ?? 0); index += 1) {
    if (top === -1 || (values?.[index] as number) > (values?.[top] as number)) top = index;
  }
  return top;
}
