import { parentPort, workerData } from 'node:worker_threads';
import { toSluiceError } from '../../contract/errors.ts';
import { exploreModel } from './explore.ts';
import type { ExploreJob, ExploreMessage } from './explore-in-worker.ts';

// Body of the worker thread that explore-in-worker.ts starts: one job, one answer.

function post(message: ExploreMessage): void {
  parentPort?.postMessage(message);
}

try {
  const { model, shapes } = workerData as ExploreJob;
  const result = await exploreModel(model, {
    shapes,
    onProgress: (stage, done, total) => post({ kind: 'progress', stage, done, total }),
  });
  post({ kind: 'result', result });
} catch (thrown) {
  post({ kind: 'error', error: toSluiceError(thrown).toJSON() });
}
