import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { say } from './say.ts';
import { quantile } from './tally.ts';

/** What the probing thread is to do. */
export interface HealthTask {
  port: number;
  paths: readonly string[];
  durationMs: number;
  everyMs: number;
}

/** What it measured. */
export interface HealthSamples {
  /** By path. */
  tookMs: Record<string, number[]>;
  /** How much later than asked the system woke the thread: what the machine itself adds. */
  lateMs: number[];
  failed: number;
}

const everyMs = 50;

/** Asks for health, and for metrics where they are served, while the server works; prints how long answers took. */
export async function probeHealth(port: number, durationMs: number): Promise<string[]> {
  const hasMetrics = (await fetch(`http://127.0.0.1:${port}/metrics`)).status === 200;
  const paths = ['/v2/health/live', ...(hasMetrics ? ['/metrics'] : [])];
  const workerData: HealthTask = { port, paths, durationMs, everyMs };
  const worker = new Worker(new URL('./health-worker.js', import.meta.url), { workerData });
  const [samples] = (await once(worker, 'message')) as [HealthSamples];
  for (const path of paths) {
    say('health', `${path}: ${described(samples.tookMs[path] ?? [])}`);
  }
  say('health', `the probe's own thread was woken late by: ${described(samples.lateMs)}`);
  return samples.failed === 0 ? [] : [`${samples.failed} health requests failed`];
}

function described(samples: readonly number[]): string {
  const at = (share: number): string => quantile(samples, share).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms (${samples.length})`;
}
