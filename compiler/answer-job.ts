import { parentPort } from 'node:worker_threads';
import { toSluiceError } from '../contract/errors.ts';
import type { JobCommand, JobMessage } from './run-in-worker.ts';

/** What the body of a worker gets besides its job. */
export interface JobContext<Progress> {
  /** Aborts when the caller no longer wants the result. */
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

/** The body of a worker that `runInWorker` starts: one job, one answer. */
export async function answerJob<Progress, Result>(
  perform: (context: JobContext<Progress>) => Promise<Result>,
): Promise<void> {
  const controller = new AbortController();
  const post = (message: JobMessage<Progress, Result>): void => parentPort?.postMessage(message);
  parentPort?.on('message', (command: JobCommand) => {
    if (command === 'cancel') controller.abort();
  });
  // Waiting for a command is no work: a job that can never end ends the thread.
  parentPort?.unref();
  const onProgress = (progress: Progress): void => post({ kind: 'progress', progress });
  try {
    post({ kind: 'result', result: await perform({ signal: controller.signal, onProgress }) });
  } catch (thrown) {
    post({ kind: 'error', error: toSluiceError(thrown).toJSON() });
  }
}
