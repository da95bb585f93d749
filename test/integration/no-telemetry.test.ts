import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repositoryPath } from '../support/paths.ts';

const runtime = repositoryPath('dist', 'ort', 'runtime-model.js');
const model = repositoryPath('samples', 'fashion', 'model.onnx');
const load = (path: string): string => `
  const { RuntimeModel } = await import(${JSON.stringify(path)});
  const { readFileSync } = await import('node:fs');
  await (await RuntimeModel.load(readFileSync(${JSON.stringify(model)}))).release();`;
const inWorker = `
  const { Worker } = await import('node:worker_threads');
  const body = ${JSON.stringify(`(async () => { ${load(runtime)} })()`)};
  await new Promise((resolve, reject) => {
    new Worker(body, { eval: true, env: {} }).on('exit', resolve).on('error', reject);
  });`;

/** Process id of a fresh process that ran the source, without the variable in its environment. */
function runFresh(source: string): number {
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
  const code = `${source}\nconsole.log(process.pid);`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], {
    env,
    encoding: 'utf8',
  });
  return Number(output.trim());
}

const logFile = (pid: number): string => join(tmpdir(), `mat-debug-${pid}.log`);

it('ONNX Runtime begins without telemetry, in the main thread and in workers', () => {
  expect(existsSync(logFile(runFresh(load(runtime))))).toBe(false);
  const entry = `await import(${JSON.stringify(repositoryPath('dist', 'ort', 'disable-telemetry.js'))});`;
  expect(existsSync(logFile(runFresh(`${entry}${inWorker}`)))).toBe(false);
});
