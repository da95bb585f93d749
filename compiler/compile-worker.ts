import { workerData } from 'node:worker_threads';
import { answerJob, type JobContext } from './answer-job.ts';
import type { CompiledModel } from './compile.ts';
import type { WorkerJob, WorkerResult } from './compile-in-worker.ts';
import type { CompileProgress } from './progress.ts';
import { readModelSignature } from './signature.ts';

// Body of the worker thread that compile-in-worker.ts starts. ONNX Runtime and the addon are loaded only by the
// jobs that need them: reading a signature does not.

type Context = JobContext<CompileProgress>;

async function compile(job: WorkerJob, configuration: string, context: Context): Promise<CompiledModel> {
  const { compileModel } = await import('./compile.ts');
  const { tensorsOf } = await import('./golden.ts');
  const { model, shapes, labels, quantise } = job;
  const calibration = job.calibration ?? job.samples?.map(tensorsOf);
  return compileModel(model, {
    configuration,
    ...context,
    ...(shapes === undefined ? {} : { shapes }),
    ...(calibration === undefined ? {} : { calibration }),
    ...(labels === undefined ? {} : { labels }),
    ...(quantise === undefined ? {} : { quantise }),
  });
}

async function perform(job: WorkerJob, context: Context): Promise<WorkerResult> {
  const { onProgress } = context;
  onProgress({ stage: 'signature', fraction: 0 });
  // Compiling finds the shapes of outputs whose file does not tell them, so its signature is enough.
  const compiled = job.accelerate === undefined ? undefined : await compile(job, job.accelerate, context);
  const result: WorkerResult = {
    signature: compiled?.signature ?? readModelSignature(job.model),
    ...(compiled === undefined ? {} : { compiled }),
  };
  if (job.samples !== undefined) {
    onProgress({ stage: 'record', fraction: 0.97 });
    const { recordGoldenOutputs } = await import('./golden.ts');
    result.samples = await recordGoldenOutputs(
      { model: compiled?.canonicalModel ?? job.model, keepsQuantisation: compiled !== undefined },
      { signature: result.signature, inputs: job.samples, signal: context.signal },
    );
  }
  return result;
}

await answerJob<CompileProgress, WorkerResult>((context) => perform(workerData as WorkerJob, context));
