import { SourceTextModule } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { detachable } from '../engines/transfer.ts';
import { answerOf } from './script-answer.ts';
import { type FailedRun, failureOf, InferFailure, textOf } from './script-failure.ts';
import { defineGlobal, removeForeignGlobals } from './script-globals.ts';
import { inputOf } from './script-input.ts';
import type { ScriptCommand, ScriptLogLevel, ScriptReport, ScriptWorkerData } from './script-protocol.ts';
import { sequenceOfOptions } from './script-sequence.ts';
import { readScriptTensors, type ScriptTensor, toScriptTensors } from './script-tensors.ts';

// The thread of one scoring script. A script that spins, leaks or dies takes only this thread with it.

const { source, image, signature, sequenceSignature, outputBytesMax, logLinesMax, textCharsMax } =
  workerData as ScriptWorkerData;
const port = parentPort;

interface PendingInfer {
  resolve(outputs: Record<string, ScriptTensor>): void;
  reject(error: InferFailure): void;
}

const pendingInfers = new Map<number, PendingInfer>();
let nextCallId = 0;
let logLines = 0;

function report(message: ScriptReport): void {
  port?.postMessage(message);
}

function log(level: ScriptLogLevel, values: readonly unknown[]): void {
  if (logLines >= logLinesMax) return;
  logLines += 1;
  report({ type: 'log', level, message: values.map(textOf).join(' ').slice(0, textCharsMax) });
}

const logger = {
  debug: (...values: unknown[]) => log('debug', values),
  info: (...values: unknown[]) => log('info', values),
  warn: (...values: unknown[]) => log('warn', values),
  error: (...values: unknown[]) => log('error', values),
};

async function infer(tensors: unknown, options?: unknown): Promise<Record<string, ScriptTensor>> {
  const sequence = sequenceOfOptions(options);
  // A model without sequences refuses the call where it computes.
  const expected = sequence === undefined ? signature : (sequenceSignature ?? signature);
  const inputs: Tensor[] = detachable(readScriptTensors(tensors, expected));
  const callId = nextCallId;
  nextCallId += 1;
  return new Promise((resolve, reject) => {
    pendingInfers.set(callId, { resolve, reject });
    report({ type: 'infer', callId, inputs, sequence });
  });
}

const context = Object.freeze({ infer, image: Object.freeze(image), log: Object.freeze(logger) });

function reportFailure(failed: FailedRun): void {
  const message = failed.error.message.replaceAll(/\s+/g, ' ').slice(0, textCharsMax);
  report({ type: 'failed', error: { code: failed.error.code, message }, callId: failed.callId });
}

function refuseImport(specifier: string): never {
  throw new SluiceError(
    'script_invalid',
    `scoring script: imports ${specifier}; a script is one bundled module without imports`,
  );
}

async function load(): Promise<{ run: (input: unknown, context: unknown) => unknown }> {
  let module: SourceTextModule;
  try {
    module = new SourceTextModule(new TextDecoder().decode(source), {
      identifier: 'score.mjs',
      importModuleDynamically: refuseImport,
    });
    await module.link(refuseImport);
  } catch (thrown) {
    throw toSluiceError(thrown, 'script_invalid');
  }
  await module.evaluate();
  const { init, run } = module.namespace as Record<string, unknown>;
  if (typeof run !== 'function') {
    throw new SluiceError('script_invalid', 'scoring script: it exports no function named run');
  }
  if (typeof init === 'function') await init(context);
  return { run: (input, runContext) => run(input, runContext) };
}

async function serve(command: Extract<ScriptCommand, { type: 'run' }>): Promise<void> {
  logLines = 0;
  try {
    const { run } = await script;
    const answer = answerOf(await run(inputOf(command.request), context), outputBytesMax);
    report({ type: 'answered', answer });
  } catch (thrown) {
    reportFailure(failureOf(thrown));
  }
}

port?.on('message', (command: ScriptCommand) => {
  if (command.type === 'run') {
    void serve(command);
    return;
  }
  const pending = pendingInfers.get(command.callId);
  pendingInfers.delete(command.callId);
  if (command.type === 'inferred') pending?.resolve(toScriptTensors(command.outputs));
  else pending?.reject(new InferFailure(command.callId, command.error));
});

removeForeignGlobals();
defineGlobal('console', Object.freeze({ ...logger, log: logger.info }));
const script = load();
script.then(
  () => report({ type: 'ready' }),
  (thrown: unknown) => reportFailure(failureOf(thrown)),
);
