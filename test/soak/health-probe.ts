import { Agent, get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from './tally.ts';

const everyMs = 50;

/** Asks for the health of the server while it works, and measures how long the answer takes. */
export class HealthProbe {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #tookMs: number[] = [];
  #failed = 0;

  constructor(port: number) {
    this.#port = port;
  }

  async run(endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      const startMs = performance.now();
      const isLive = await this.#isLive().catch(() => false);
      if (isLive) this.#tookMs.push(performance.now() - startMs);
      else this.#failed += 1;
      await sleep(everyMs);
    }
    this.#agent.destroy();
  }

  summary(): string {
    const at = (share: number): string => quantile(this.#tookMs, share).toFixed(1);
    return `/v2/health/live p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms, ${this.#tookMs.length} answers, ${this.#failed} failed`;
  }

  #isLive(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      get(
        { host: '127.0.0.1', port: this.#port, path: '/v2/health/live', agent: this.#agent },
        (response) => {
          response.resume();
          response.once('end', () => resolve(response.statusCode === 200));
        },
      ).once('error', reject);
    });
  }
}
