import { parentPort, workerData } from 'node:worker_threads';
import { toSluiceError } from '../contract/errors.ts';
import type { CompiledModel, CompileStage } from './compile.ts';
import type { WorkerJob, WorkerMessage, WorkerResult } from './compile-in-worker.ts';
import { readModelSignature } from './signature.ts';

// Body of the worker thread that compile-in-worker.ts starts: one job, one answer. ONNX Runtime and the
// addon are loaded only by the jobs that need them: reading a signature does not.

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

function onProgress(stage: CompileStage): void {
  post({ kind: 'progress', stage });
}

async function compileAndVerify(
  model: Uint8Array,
  configuration: string,
): Promise<Omit<CompiledModel, 'canonicalRegion'>> {
  const { compileModel } = await import('./compile.ts');
  const { verifyCompiledModel } = await import('./verify.ts');
  const compiled = await compileModel(model, { configuration, onProgress });
  onProgress('verify');
  await verifyCompiledModel(compiled, { configuration });
  const { canonicalRegion: _, ...rest } = compiled;
  return rest;
}

async function perform(job: WorkerJob): Promise<WorkerResult> {
  onProgress('signature');
  const result: WorkerResult = { signature: readModelSignature(job.model) };
  if (job.accelerate !== undefined) result.compiled = await compileAndVerify(job.model, job.accelerate);
  if (job.samples !== undefined) {
    onProgress('record');
    const { recordGoldenOutputs } = await import('./golden.ts');
    result.samples = await recordGoldenOutputs(job.model, result.signature, job.samples);
  }
  return result;
}

try {
  post({ kind: 'result', result: await perform(workerData as WorkerJob) });
} catch (thrown) {
  post({ kind: 'error', error: toSluiceError(thrown).toJSON() });
}
