import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';

const model = repositoryPath('samples', 'fashion', 'model.onnx');
const runtime = repositoryPath('dist', 'ort', 'runtime-model.js');
const entry = `await import(${JSON.stringify(repositoryPath('dist', 'ort', 'disable-telemetry.js'))});`;
const load = `
  const { RuntimeModel } = await import(${JSON.stringify(runtime)});
  const { readFileSync } = await import('node:fs');
  await (await RuntimeModel.load(readFileSync(${JSON.stringify(model)}))).release();`;
const loadInWorker = `
  const { Worker } = await import('node:worker_threads');
  const body = ${JSON.stringify(`(async () => { ${load} })()`)};
  await new Promise((resolve, reject) => {
    new Worker(body, { eval: true, env: {} }).on('exit', resolve).on('error', reject);
  });`;
const loadPackage = `
  const { createRequire } = await import('node:module');
  const { InferenceSession } = createRequire(${JSON.stringify(runtime)})('onnxruntime-node');
  await InferenceSession.create(${JSON.stringify(model)});`;

/**
 * The telemetry's log that a fresh process leaves in its temporary folder. The process has an environment of its own:
 * the library sends nothing where `CI`, `GITHUB_ACTIONS` and the like are set.
 */
function leftBy(args: readonly string[]): string[] {
  const folder = temporaryFolder();
  const env = { PATH: process.env.PATH, HOME: folder, TMPDIR: folder };
  execFileSync(process.execPath, args, { env, stdio: 'pipe' });
  return readdirSync(folder).filter((name) => name.startsWith('mat-debug-'));
}

const evaluate = (source: string): string[] => ['--input-type=module', '-e', source];

describe('ONNX Runtime', () => {
  it.each([
    ['in the main thread', evaluate(load)],
    ['in a worker of a process that imports the module first', evaluate(`${entry}${loadInWorker}`)],
  ])('begins without telemetry %s', (_where, args) => {
    expect(leftBy(args)).toEqual([]);
  });

  it('begins without telemetry in the bundled command', () => {
    const compiled = join(temporaryFolder(), 'compiled');
    const command = repositoryPath('programs', 'cli', 'main.js');
    expect(leftBy([command, 'compile', model, '--config', 'kv260-m', '--output', compiled])).toEqual([]);
    expect(readdirSync(compiled)).not.toEqual([]);
  });

  it.runIf(process.platform === 'linux')('would leave a log of its telemetry otherwise', () => {
    expect(leftBy(evaluate(loadPackage))).toHaveLength(1);
  });
});
