import type { ErrorCode } from '../../contract/errors.ts';
import type { Route } from '../engines/engine.ts';
import type { EngineObserver, Execution } from '../engines/engine-observer.ts';
import type { RunPhases } from '../engines/run-terms.ts';
import { BucketCounts, batchSizeBounds, durationBoundsSeconds } from './bucket-counts.ts';

/** Who answered: a route, or `none` when a script never asked the model. */
export type AnsweredBy = Route | 'none';

/** The protocol that a request came in. */
export type Dialect = 'azure' | 'grpc' | 'open-inference' | 'predict';

/** How one request to an image went. */
export interface MeteredRequest {
  dialect: Dialect;
  /** Why there was no result; undefined when there was one. */
  failure: { code: ErrorCode; status: number } | undefined;
  route: AnsweredBy;
  items: number;
  totalMs: number;
  /** From body to tensors, and from tensors to the answer. */
  inputMs: number;
  outputMs: number;
  phases: RunPhases;
}

/** Durations of answered requests, in seconds, and the items that they had. */
export interface RouteMeters {
  items: number;
  readonly total: BucketCounts;
  readonly queue: BucketCounts;
  readonly input: BucketCounts;
  readonly compute: BucketCounts;
  readonly output: BucketCounts;
}

/** What a route executed. */
export interface ExecutionMeters {
  npuCycles: number;
  readonly items: BucketCounts;
  readonly requests: BucketCounts;
  readonly compute: BucketCounts;
}

/** The circuit breaker of a route. */
export interface BreakerMeter {
  isOpen: boolean;
  openings: number;
}

/**
 * Counts of one image since it was activated, in plain numbers: recording a request is a few additions, and what
 * a scrape reads is made then. Each map's keys come from a closed list, so none grows with the clients.
 */
export class ImageMeters implements EngineObserver {
  readonly routes = new Map<AnsweredBy, RouteMeters>();
  readonly executions = new Map<Route, ExecutionMeters>();
  readonly breakers = new Map<Route, BreakerMeter>();
  /** Requests by dialect and by the status of their answer. */
  readonly requests = new Map<Dialect, Map<number, number>>();
  readonly failures = new Map<ErrorCode, number>();
  readonly shadow = { runs: 0, differingRuns: 0, bytes: 0, differingBytes: 0 };

  /** Counts a request; only one that was answered with a result has durations. */
  record(request: MeteredRequest): void {
    const { dialect, failure, totalMs, inputMs, outputMs, phases, items } = request;
    const statuses = entryOf(this.requests, dialect, () => new Map<number, number>());
    const status = failure?.status ?? 200;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (failure !== undefined) {
      this.failures.set(failure.code, (this.failures.get(failure.code) ?? 0) + 1);
      return;
    }
    const meters = entryOf(this.routes, request.route, newRouteMeters);
    meters.items += items;
    meters.total.observe(totalMs / 1000);
    meters.queue.observe(phases.queueMs / 1000);
    meters.input.observe(inputMs / 1000);
    meters.compute.observe(phases.computeMs / 1000);
    meters.output.observe(outputMs / 1000);
  }

  executed({ route, requests, items, computeMs, npuCycles = 0 }: Execution): void {
    const meters = entryOf(this.executions, route, newExecutionMeters);
    meters.requests.observe(requests);
    meters.items.observe(items);
    meters.compute.observe(computeMs / 1000);
    meters.npuCycles += npuCycles;
  }

  breakerChanged({ route, isOpen }: { route: Route; isOpen: boolean }): void {
    const meter = entryOf(this.breakers, route, () => ({ isOpen: false, openings: 0 }));
    if (isOpen && !meter.isOpen) meter.openings += 1;
    meter.isOpen = isOpen;
  }

  shadowed({ bytes, differingBytes }: { bytes: number; differingBytes: number }): void {
    this.shadow.runs += 1;
    if (differingBytes > 0) this.shadow.differingRuns += 1;
    this.shadow.bytes += bytes;
    this.shadow.differingBytes += differingBytes;
  }

  /** Executions on all routes: of one request, or of several together. */
  get executionCount(): number {
    return [...this.executions.values()].reduce((sum, { requests }) => sum + requests.count, 0);
  }

  /** Forgets what was executed to warm up, which no request asked for. */
  beginServing(): void {
    this.executions.clear();
  }
}

function newRouteMeters(): RouteMeters {
  const durations = (): BucketCounts => new BucketCounts(durationBoundsSeconds);
  return {
    items: 0,
    total: durations(),
    queue: durations(),
    input: durations(),
    compute: durations(),
    output: durations(),
  };
}

function newExecutionMeters(): ExecutionMeters {
  return {
    npuCycles: 0,
    items: new BucketCounts(batchSizeBounds),
    requests: new BucketCounts(batchSizeBounds),
    compute: new BucketCounts(durationBoundsSeconds),
  };
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
