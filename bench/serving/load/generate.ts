import { setTimeout } from 'node:timers/promises';
import { Connection } from './connection.ts';

/** What a stretch of load measured. */
export interface LoadResult {
  requestsPerSecond: number;
  /** Sorted. */
  latenciesMs: number[];
  /** Answers with another status than 200. */
  refused: number;
}

/** The value below which a share of a sorted list lies. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Closed loop: each connection sends its next request when the last is answered. */
export async function closedLoop(options: {
  port: number;
  request: Uint8Array;
  connections: number;
  durationMs: number;
}): Promise<LoadResult> {
  const { port, request, durationMs } = options;
  const opened = await openAll(port, options.connections);
  const record = new Recorder();
  const startedMs = performance.now();
  const endMs = startedMs + durationMs;
  await Promise.all(
    opened.map(async (connection) => {
      while (performance.now() < endMs) await record.one(connection, request, performance.now());
    }),
  );
  const elapsedMs = performance.now() - startedMs;
  for (const connection of opened) connection.close();
  return record.result(elapsedMs);
}

/**
 * Open loop: requests are due at random instants of a Poisson process, whether or not earlier ones are answered;
 * a request's latency counts from when it was due, so that queueing is not hidden (coordinated omission).
 */
export async function poisson(options: {
  port: number;
  request: Uint8Array;
  requestsPerSecond: number;
  durationMs: number;
  connectionsMax: number;
  random: () => number;
}): Promise<LoadResult> {
  const { port, request, requestsPerSecond, durationMs, random } = options;
  const idle = await openAll(port, options.connectionsMax);
  const all = [...idle];
  const record = new Recorder();
  const waiting: number[] = [];
  const running = new Set<Promise<void>>();
  const start = (connection: Connection, dueMs: number): void => {
    const work = record.one(connection, request, dueMs).then(() => {
      running.delete(work);
      const next = waiting.shift();
      if (next === undefined) idle.push(connection);
      else start(connection, next);
    });
    running.add(work);
  };
  const startedMs = performance.now();
  let dueMs = startedMs;
  while (dueMs < startedMs + durationMs) {
    dueMs += (-Math.log(1 - random()) * 1000) / requestsPerSecond;
    // Timers count whole milliseconds; what is due sooner goes at once.
    const aheadMs = dueMs - performance.now();
    if (aheadMs > 1) await setTimeout(aheadMs);
    const connection = idle.pop();
    if (connection === undefined) waiting.push(dueMs);
    else start(connection, dueMs);
  }
  while (running.size > 0) await Promise.all(running);
  const elapsedMs = performance.now() - startedMs;
  for (const connection of all) connection.close();
  return record.result(elapsedMs);
}

function openAll(port: number, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.open(port)));
}

class Recorder {
  readonly #latenciesMs: number[] = [];
  #refused = 0;

  async one(connection: Connection, request: Uint8Array, dueMs: number): Promise<void> {
    // One that is sent a little early counts from then.
    const sinceMs = Math.min(dueMs, performance.now());
    const { status } = await connection.send(request);
    if (status === 200) this.#latenciesMs.push(performance.now() - sinceMs);
    else this.#refused += 1;
  }

  result(elapsedMs: number): LoadResult {
    const latenciesMs = this.#latenciesMs.sort((left, right) => left - right);
    const requestsPerSecond = (latenciesMs.length * 1000) / elapsedMs;
    return { requestsPerSecond, latenciesMs, refused: this.#refused };
  }
}
