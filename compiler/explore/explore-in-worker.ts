import type { InputShapes } from '../import/bind-shapes.ts';
import { runInWorker } from '../run-in-worker.ts';
import type { Exploration, ExploreOptions } from './explore.ts';

/** What the worker is asked for. */
export interface ExploreJob {
  model: Uint8Array;
  shapes: InputShapes;
}

/** What the worker is busy with, and how far it is. */
export interface ExploreProgress {
  stage: string;
  done: number;
  total: number;
}

/**
 * `exploreModel` in a worker thread. Aborting the signal ends the work and rejects with `cancelled`;
 * `limit_exceeded` for a model that needs more memory than `limits.compilerHeapMiB`.
 */
export function exploreInWorker(job: ExploreJob, options: ExploreOptions): Promise<Exploration> {
  const { signal, onProgress } = options;
  return runInWorker<ExploreProgress, Exploration>({
    entry: new URL('./explore-worker.js', import.meta.url),
    workerData: job,
    what: 'explore',
    signal,
    onProgress: ({ stage, done, total }) => onProgress?.(stage, done, total),
  });
}
