import { multiplyAccumulatesOf } from '../import/graph.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import type { Network } from '../network/network.ts';
import { assignQuantisations, type Quantisations, type RangeLookup } from './assign.ts';
import { buildNetwork } from './build-network.ts';
import { endsOf } from './ends.ts';
import { equalise } from './equalise.ts';
import { isQuantised } from './given.ts';
import { type LayerNoise, layerNoise } from './layer-noise.ts';
import { describeMethod, observerNames, type QuantiseMethod } from './method.ts';
import { type MapStatistics, observe, type Progress } from './observe.ts';
import { observers } from './observers.ts';
import type { RegionSample, Repeatable } from './samples.ts';
import { checkLabels, type Labels, References, type Score } from './score.ts';
import { type Step, stepsOf } from './steps.ts';

/** What to quantise with. */
export interface QuantiseOptions extends Progress {
  /** `auto` tries methods and keeps the best; for a model that brings its own quantisation nothing is chosen. */
  method: 'auto' | QuantiseMethod;
  /** Inputs of the region; a model that brings every scale needs none. */
  samples?: Repeatable<RegionSample>;
  labels?: Labels;
  /** Told each method before it is tried, as `--quantise` takes it. */
  onMethod?: (method: string) => void;
}

/** A region in integers. */
export interface QuantisedPart {
  network: Network;
  /** Of every map of the region that still is one, by name: those of inputs and outputs tie it to head and tail. */
  quantisations: Quantisations;
  report: QuantiseReport;
}

/** What quantising did, and what it costs. */
export interface QuantiseReport {
  /** `given`, or as `--quantise` takes it. */
  method: string;
  /** Each method that was tried, with what it gave on the first samples: enough to compare. */
  tried: readonly (Score & { method: string })[];
  /** Samples that scores come from; 0 when nothing was measured. */
  sampleCount: number;
  /** Of the method that was kept, on all samples. */
  score?: Score;
  /** Accuracy of the float model on the same samples, when labels are given. */
  floatAccuracy?: number;
  /** Empty when nothing was measured. */
  layers: readonly LayerNoise[];
  /** First or last layers that would cost much less in float, with what that gains: for the partition to leave out. */
  betterInFloat: readonly FloatGain[];
  /** Names of the layers that add most noise, the worst first. */
  costliest: readonly string[];
}

/** An end of the region that int8 costs much. */
export interface FloatGain {
  /** Names of its operations. */
  operations: readonly string[];
  /** Signal to noise of the region's outputs that leaving it in float gains. */
  decibels: number;
}

interface Observed {
  part: FloatPart;
  statistics: ReadonlyMap<string, MapStatistics>;
}

interface Candidate {
  part: FloatPart;
  steps: readonly Step[];
  network: Network;
  quantisations: Quantisations;
  method: string;
  score?: Score;
}

const costliestCount = 5;
/** What an end must gain to be worth a float layer on the host, and the part of the work that may go there. */
const gainMinDecibels = 6;
const endWorkMax = 0.05;

/**
 * Post-training static quantisation of a float region: calibrates on samples, chooses scales, and builds
 * the integer layers. The same samples and options give the same layers. Blocks the calling thread while
 * ONNX Runtime computes: use it in a worker. Throws `model_unsupported` naming a tensor without a scale,
 * `model_invalid` for one that is not finite, `tensor_data` and `tensor_shape` for bad samples, `cancelled`.
 */
export async function quantisePart(part: FloatPart, options: QuantiseOptions): Promise<QuantisedPart> {
  if (options.samples === undefined) {
    return finish(
      { ...candidateOf(part, { rangeOf: () => undefined }), method: 'given' },
      { tried: [], betterInFloat: [] },
    );
  }
  const { samples, labels, signal } = options;
  if (labels !== undefined) checkLabels(part, labels);
  const statistics = await observe(part, samples, options);
  const references = await References.gather(part, {
    samples,
    ...(labels === undefined ? {} : { labels }),
    ...(signal === undefined ? {} : { signal }),
  });
  const search = new Search(part, { statistics, references, options });
  if (isQuantised(part)) {
    await search.try({ observer: 'min-max', equalises: false, correctsBias: false }, 'given');
  } else if (options.method === 'auto') {
    await search.tryAll();
  } else {
    await search.try(options.method);
  }
  const betterInFloat = isQuantised(part) ? [] : await search.floatGains();
  return finish(search.best, { tried: search.tried, betterInFloat, references, signal });
}

/** Tries methods one after the other and keeps the best. */
class Search {
  readonly tried: (Score & { method: string })[] = [];
  readonly #part: FloatPart;
  readonly #statistics: ReadonlyMap<string, MapStatistics>;
  readonly #references: References;
  readonly #options: QuantiseOptions;
  #equalised: Observed | undefined;
  #best: Candidate | undefined;
  #bestMethod: QuantiseMethod = { observer: 'min-max', equalises: false, correctsBias: false };

  constructor(
    part: FloatPart,
    context: {
      statistics: ReadonlyMap<string, MapStatistics>;
      references: References;
      options: QuantiseOptions;
    },
  ) {
    this.#part = part;
    this.#statistics = context.statistics;
    this.#references = context.references;
    this.#options = context.options;
  }

  /** Ends of the region that gain at least 6 dB in float, and hold little of its work. */
  async floatGains(): Promise<FloatGain[]> {
    const { steps, method } = this.best;
    const { part, statistics } = await this.#observed(this.#bestMethod);
    const sampleCount = this.#references.comparisonCount;
    const { signal } = this.#options;
    const whole = this.tried.find((tried) => tried.method === method)?.decibels ?? 0;
    const gains: FloatGain[] = [];
    for (const { side, end, rest } of endsOf(part, steps)) {
      if (workOf(end) > endWorkMax * workOf(part)) continue;
      const candidate = candidateOf(rest, {
        rangeOf: rangesOf(statistics, this.#bestMethod),
        ...meansOf(statistics, this.#bestMethod),
      });
      const score = await this.#references.score({ ...candidate, [side]: end }, { sampleCount, signal });
      const decibels = score.decibels - whole;
      if (decibels >= gainMinDecibels)
        gains.push({ operations: end.operations.map(({ name }) => name), decibels });
    }
    return gains;
  }

  get best(): Candidate {
    if (this.#best === undefined) throw new TypeError('no method was tried');
    return this.#best;
  }

  /** Observers first, then each improvement on top of what is best so far. */
  async tryAll(): Promise<void> {
    for (const observer of observerNames) await this.try({ observer, equalises: false, correctsBias: false });
    await this.try({ ...this.#bestMethod, equalises: true });
    await this.try({ ...this.#bestMethod, correctsBias: true });
  }

  async try(method: QuantiseMethod, name = describeMethod(method)): Promise<void> {
    const { signal, onMethod } = this.#options;
    onMethod?.(name);
    const { part, statistics } = await this.#observed(method);
    const candidate = candidateOf(part, {
      rangeOf: rangesOf(statistics, method),
      ...meansOf(statistics, method),
    });
    const score = await this.#references.score(candidate, {
      sampleCount: this.#references.comparisonCount,
      signal,
    });
    this.tried.push({ method: name, ...score });
    if (this.#best?.score !== undefined && !isBetter(score, this.#best.score)) return;
    this.#best = { ...candidate, method: name, score };
    this.#bestMethod = method;
  }

  /** Sizes of maps change, so that the equalised region is observed anew, once. */
  async #observed({ equalises }: QuantiseMethod): Promise<Observed> {
    if (!equalises) return { part: this.#part, statistics: this.#statistics };
    if (this.#equalised !== undefined) return this.#equalised;
    const part = equalise(this.#part, this.#statistics);
    const statistics = await observe(part, this.#options.samples ?? [], this.#options);
    this.#equalised = { part, statistics };
    return this.#equalised;
  }
}

function candidateOf(
  part: FloatPart,
  {
    rangeOf,
    meansOf,
  }: { rangeOf: RangeLookup; meansOf?: (map: { name: string }) => Float64Array | undefined },
): Omit<Candidate, 'method'> {
  const steps = stepsOf(part);
  const quantisations = assignQuantisations(part, { steps, rangeOf });
  const network = buildNetwork(part, { steps, quantisations, ...(meansOf === undefined ? {} : { meansOf }) });
  return { part, steps, quantisations, network };
}

function rangesOf(statistics: ReadonlyMap<string, MapStatistics>, { observer }: QuantiseMethod): RangeLookup {
  const known = new Map<string, ReturnType<RangeLookup>>();
  return ({ name }) => {
    const histogram = statistics.get(name)?.histogram;
    if (histogram !== undefined && !known.has(name)) known.set(name, observers[observer](histogram));
    return known.get(name);
  };
}

function meansOf(
  statistics: ReadonlyMap<string, MapStatistics>,
  { correctsBias }: QuantiseMethod,
): { meansOf?: (map: { name: string }) => Float64Array | undefined } {
  return correctsBias ? { meansOf: ({ name }) => statistics.get(name)?.means } : {};
}

/** Accuracy decides where labels are given, signal to noise otherwise and between equals. */
function isBetter(score: Score, best: Score): boolean {
  const [own, other] = [score.accuracy ?? 0, best.accuracy ?? 0];
  return own === other ? score.decibels > best.decibels : own > other;
}

function workOf({ operations }: FloatPart): number {
  return operations.reduce((sum, operation) => sum + multiplyAccumulatesOf(operation), 0);
}

async function finish(
  candidate: Candidate,
  context: Pick<QuantiseReport, 'tried' | 'betterInFloat'> & {
    references?: References;
    signal?: AbortSignal | undefined;
  },
): Promise<QuantisedPart> {
  const { part, network, quantisations, steps, method } = candidate;
  const { tried, betterInFloat, references, signal } = context;
  const samples = references?.samples ?? [];
  const score = await references?.score(candidate, { sampleCount: references.count, signal });
  const layers =
    samples.length === 0 ? [] : await layerNoise(part, { network, quantisations, steps, samples, signal });
  const worst = layers.toSorted((first, second) => second.addedNoise - first.addedNoise);
  const floatAccuracy = references?.floatAccuracy;
  return {
    network,
    quantisations,
    report: {
      method,
      tried,
      sampleCount: references?.count ?? 0,
      ...(score === undefined ? {} : { score }),
      ...(floatAccuracy === undefined ? {} : { floatAccuracy }),
      layers,
      betterInFloat,
      costliest: worst
        .filter(({ addedNoise }) => addedNoise > 0)
        .slice(0, costliestCount)
        .map(({ name }) => name),
    },
  };
}
