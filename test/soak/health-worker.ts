import { Agent, get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { HealthSamples, HealthTask } from './health-probe.ts';

// A thread of its own, so that the load's own work is not taken for the server's.

const { port, paths, durationMs, everyMs } = workerData as HealthTask;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function isHealthy(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
    }).once('error', () => resolve(false));
  });
}

async function probe(): Promise<HealthSamples> {
  const samples: HealthSamples = { tookMs: {}, lateMs: [], failed: 0 };
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {
    for (const path of paths) {
      const startMs = performance.now();
      if (await isHealthy(path)) {
        samples.tookMs[path] ??= [];
        samples.tookMs[path].push(performance.now() - startMs);
      } else samples.failed += 1;
      const dueMs = performance.now() + everyMs;
      await sleep(everyMs);
      samples.lateMs.push(performance.now() - dueMs);
    }
  }
  return samples;
}

parentPort?.postMessage(await probe());
agent.destroy();
