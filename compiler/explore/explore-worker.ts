import { workerData } from 'node:worker_threads';
import { answerJob } from '../answer-job.ts';
import { type Exploration, exploreModel } from './explore.ts';
import type { ExploreJob, ExploreProgress } from './explore-in-worker.ts';

// Body of the worker thread that explore-in-worker.ts starts.

const { model, shapes } = workerData as ExploreJob;

await answerJob<ExploreProgress, Exploration>(({ signal, onProgress }) =>
  exploreModel(model, {
    shapes,
    signal,
    onProgress: (stage, done, total) => onProgress({ stage, done, total }),
  }),
);
