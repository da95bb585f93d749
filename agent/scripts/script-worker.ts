import { SourceTextModule } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { detachable } from '../tensors/detachable.ts';
import { answerOf } from './script-answer.ts';
import { type FailedRun, failureOf, InferFailure, textOf } from './script-failure.ts';
import { defineGlobal, removeForeignGlobals } from './script-globals.ts';
import { inputOf, jsonOf, type ScriptInput } from './script-input.ts';
import type {
  ScriptAnswer,
  ScriptCommand,
  ScriptLogLevel,
  ScriptReport,
  ScriptWorkerData,
} from './script-protocol.ts';
import { ScriptQuestions } from './script-questions.ts';
import { SchemaChecks } from './script-schemas.ts';
import { sequenceOfOptions } from './script-sequence.ts';
import { readScriptTensors, type ScriptTensor, toScriptTensors } from './script-tensors.ts';

// The thread of one scoring script. A script that spins, leaks or dies takes only this thread with it.

const {
  source,
  image,
  signature,
  sequenceSignature,
  files,
  outputBytesMax,
  logLinesMax,
  textCharsMax,
  schemaCharsMax,
} = workerData as ScriptWorkerData;
const port = parentPort;

interface PendingInfer {
  resolve(outputs: Record<string, ScriptTensor>): void;
  reject(error: InferFailure): void;
}

let begin: () => void = () => undefined;
/** Until then nothing of the script is run, and its time does not count. */
const begun = new Promise<void>((resolve) => {
  begin = resolve;
});
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

const questions = new ScriptQuestions({
  files,
  send: (callId, question) => report({ type: 'ask', callId, question }),
});

const context = Object.freeze({
  infer,
  image: Object.freeze(image),
  log: Object.freeze(logger),
  fetch: (url: unknown, options?: unknown) => questions.fetch(url, options),
  readFile: (path: unknown) => questions.readFile(path),
});

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

interface LoadedScript {
  run: (input: unknown, context: unknown) => unknown;
  checks: SchemaChecks;
}

async function load(): Promise<LoadedScript> {
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
  const exports = module.namespace as Record<string, unknown>;
  const { init, run } = exports;
  if (typeof run !== 'function') {
    throw new SluiceError('script_invalid', 'scoring script: it exports no function named run');
  }
  const checks = await SchemaChecks.read(exports, schemaCharsMax);
  if (typeof init === 'function') await init(context);
  return { run: (input, runContext) => run(input, runContext), checks };
}

/** What `inputSchema` describes: the body, or the query of a request without one. */
function describedValue(input: ScriptInput): unknown {
  if (input.method !== 'GET') return input.json();
  return Object.fromEntries(
    Object.entries(input.query).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(jsonOf) : jsonOf(value),
    ]),
  );
}

/** What `outputSchema` describes; undefined for an answer that is no JSON. */
function jsonAnswerOf({ contentType, body }: ScriptAnswer): unknown {
  if (!contentType.startsWith('application/json')) return undefined;
  return JSON.parse(new TextDecoder().decode(body)) as unknown;
}

async function serve(command: Extract<ScriptCommand, { type: 'run' }>): Promise<void> {
  logLines = 0;
  try {
    const { run, checks } = await script;
    const input = inputOf(command.request, signature);
    const checked = checks.hasInput ? { ...input, value: describedValue(input) } : input;
    if ('value' in checked) checks.checkInput(checked.value);
    const answer = answerOf(await run(checked, context), outputBytesMax);
    if (checks.hasOutput) checks.checkOutput(jsonAnswerOf(answer));
    report({ type: 'answered', answer });
  } catch (thrown) {
    reportFailure(failureOf(thrown));
  }
}

port?.on('message', (command: ScriptCommand) => {
  switch (command.type) {
    case 'begin':
      begin();
      break;
    case 'run':
      void serve(command);
      break;
    case 'told':
      questions.told(command.callId, command.value);
      break;
    case 'refused':
      questions.refused(command.callId, command.message);
      break;
    default:
      settleInfer(command);
  }
});

function settleInfer(command: Extract<ScriptCommand, { type: 'inferred' | 'inferFailed' }>): void {
  const pending = pendingInfers.get(command.callId);
  pendingInfers.delete(command.callId);
  if (command.type === 'inferred') pending?.resolve(toScriptTensors(command.outputs));
  else pending?.reject(new InferFailure(command.callId, command.error));
}

removeForeignGlobals();
defineGlobal('console', Object.freeze({ ...logger, log: logger.info }));
const script = begun.then(load);
script.then(
  ({ checks }) => report({ type: 'ready', schemas: checks.schemas }),
  (thrown: unknown) => reportFailure(failureOf(thrown)),
);
