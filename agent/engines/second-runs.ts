import { setImmediate } from 'node:timers/promises';
import type { Logger } from '../../base/logger.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import type { Route } from './engine.ts';
import type { EngineObserver } from './engine-observer.ts';

/** What second runs need. */
export interface SecondRunsOptions {
  /** Whose requests these are, for messages. */
  what: string;
  /** Of all requests, 0 to 1. */
  share: number;
  limits: ScoringLimits;
  /** Monotonic clock. */
  nowMs: () => number;
  /** At least 0, below 1. */
  random: () => number;
  log: Logger;
  observer?: EngineObserver | undefined;
}

/** Counts since the image was activated. */
export interface SecondRunCounts {
  /** Answers compared with the other route's. */
  runs: number;
  /** Not run because the engines were busy, too many waited, or the tensors were too large. */
  skipped: number;
  /** The other route gave an error. */
  failed: number;
  bytes: number;
  /** Must stay 0. */
  differingBytes: number;
}

/** Copies of a request's inputs, for the other route. */
export interface SecondRun {
  route: Route;
  /** To measure the route, rather than for the share. */
  isMeasurement: boolean;
  inputs: Tensor[];
}

/** Multiple of a route's time that passes before it is measured again: at most one part in so many of its time. */
const remeasureMultiple = 100;

/**
 * Computes some requests on the other route as well, once they are answered: the image's share, and one for a route
 * that `auto` has not taken for long, whose estimate would else stay as it is. The answers must be the same bytes.
 */
export class SecondRuns {
  readonly #options: SecondRunsOptions;
  readonly #counts: SecondRunCounts = { runs: 0, skipped: 0, failed: 0, bytes: 0, differingBytes: 0 };
  readonly #ranAtMs = new Map<Route, number>();
  /** Prepared and not yet over. */
  #open = 0;

  constructor(options: SecondRunsOptions) {
    this.#options = options;
  }

  /** What came of them so far. */
  get counts(): Readonly<SecondRunCounts> {
    return this.#counts;
  }

  /** A route has answered, and is measured. */
  ran(route: Route): void {
    this.#ranAtMs.set(route, this.#options.nowMs());
  }

  /**
   * Copies the inputs, whose memory goes to other requests after the answer, if the request is to run on `route` as well.
   * `expectedMs`: time of a run there, if `auto` chose between the two.
   */
  prepare(route: Route, inputs: readonly Tensor[], expectedMs: number | undefined): SecondRun | undefined {
    const { share, random, limits } = this.#options;
    const isMeasurement = expectedMs !== undefined && this.#isStale(route, expectedMs);
    if (!isMeasurement && !(share > 0 && random() < share)) return undefined;
    // Also when nothing comes of it: the next try then waits as long.
    if (isMeasurement) this.ran(route);
    if (this.#open >= limits.shadowsMax || bytesOf(inputs) > limits.shadowBytesMax) {
      this.#counts.skipped += 1;
      return undefined;
    }
    this.#open += 1;
    return {
      route,
      isMeasurement,
      inputs: inputs.map((input) => ({ ...input, data: new Uint8Array(input.data) })),
    };
  }

  /** Lets go of one that will not run. */
  drop(): void {
    this.#open -= 1;
    this.#counts.skipped += 1;
  }

  /**
   * What to do once the answer has left: compute on the other route, if the engines are idle then, and compare.
   * `onDifference` gets `verification_failed`.
   */
  afterwards(
    { route, inputs }: SecondRun,
    outputs: readonly Tensor[],
    then: {
      isIdle: () => boolean;
      infer: (inputs: Tensor[]) => Promise<Tensor[]>;
      onDifference: (error: SluiceError) => void;
    },
  ): () => void {
    if (bytesOf(outputs) > this.#options.limits.shadowBytesMax) {
      this.drop();
      return () => undefined;
    }
    // The answer's own memory may be handed to another thread.
    const expected = outputs.map((output) => ({ ...output, data: new Uint8Array(output.data) }));
    const run = async (): Promise<void> => {
      // What came in with the end of this request goes first.
      await setImmediate();
      if (!then.isIdle()) return this.drop();
      try {
        const actual = await then.infer(inputs);
        this.ran(route);
        const error = this.#compare(route, expected, actual);
        if (error !== undefined) then.onDifference(error);
      } catch (thrown) {
        const { code, message } = toSluiceError(thrown);
        this.#counts.failed += 1;
        this.#options.log.warn({ code, route }, `${this.#options.what}: a second run failed: ${message}`);
      }
      this.#open -= 1;
    };
    return () => void run();
  }

  #isStale(route: Route, expectedMs: number): boolean {
    const { limits, nowMs } = this.#options;
    const ranAtMs = this.#ranAtMs.get(route);
    // At warm-up every route was measured.
    if (ranAtMs === undefined) this.ran(route);
    return nowMs() - (ranAtMs ?? nowMs()) > Math.max(limits.remeasureMs, remeasureMultiple * expectedMs);
  }

  #compare(route: Route, expected: readonly Tensor[], actual: readonly Tensor[]): SluiceError | undefined {
    const { what, log, observer } = this.#options;
    const differences = expected.map((tensor, index) => differenceOf(tensor, actual[index]));
    const bytes = bytesOf(expected);
    const differingBytes = differences.reduce((sum, difference) => sum + (difference?.bytes ?? 0), 0);
    this.#counts.runs += 1;
    this.#counts.bytes += bytes;
    this.#counts.differingBytes += differingBytes;
    observer?.shadowed({ bytes, differingBytes });
    const first = differences.find((difference) => difference !== undefined);
    if (first === undefined) return undefined;
    const { tensor, index, expectedByte, actualByte } = first;
    const text = `${what}: route ${route} gives other bytes: output ${tensor}, byte ${index}: ${actualByte}, ${expectedByte} expected; ${differingBytes} of ${bytes} differ`;
    log.error({ code: 'verification_failed', route, ...first, bytes: differingBytes }, text);
    return new SluiceError('verification_failed', text);
  }
}

interface Difference {
  tensor: string;
  index: number;
  expectedByte: number | undefined;
  actualByte: number | undefined;
  bytes: number;
}

/** Where two tensors first differ, and in how many bytes; a missing one differs in all. */
function differenceOf(expected: Tensor, actual: Tensor | undefined): Difference | undefined {
  const [left, right] = [expected.data, actual?.data ?? new Uint8Array(0)];
  if (left.length === right.length && Buffer.compare(left, right) === 0) return undefined;
  const [length, shorter] = [Math.max(left.length, right.length), Math.min(left.length, right.length)];
  let index = shorter;
  let bytes = length - shorter;
  for (let place = shorter - 1; place >= 0; place -= 1) {
    if (left[place] === right[place]) continue;
    index = place;
    bytes += 1;
  }
  return { tensor: expected.name, index, expectedByte: left[index], actualByte: right[index], bytes };
}

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { data }) => sum + data.length, 0);
}
