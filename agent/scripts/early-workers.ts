import type { Worker } from 'node:worker_threads';

/** Threads that are started before anybody needs them, so that Node is up in them by then. */
export class EarlyWorkers {
  readonly #waiting = new Set<Worker>();

  constructor(count: number, start: () => Worker) {
    for (let index = 0; index < count; index += 1) {
      const worker = startedOrNot(start);
      // Nobody waits for it yet; whoever finds none starts one, and hears why it cannot.
      if (worker === undefined) return;
      this.#waiting.add(worker);
      worker.on('error', () => this.#waiting.delete(worker));
      worker.on('exit', () => this.#waiting.delete(worker));
    }
  }

  /** One of them; undefined when none is left. */
  take(): Worker | undefined {
    const [worker] = this.#waiting;
    if (worker === undefined) return undefined;
    this.#waiting.delete(worker);
    return worker;
  }

  /** Ends those that were not taken. */
  async close(): Promise<void> {
    await Promise.all([...this.#waiting].map((worker) => worker.terminate()));
  }
}

function startedOrNot(start: () => Worker): Worker | undefined {
  try {
    return start();
  } catch {
    return undefined;
  }
}
