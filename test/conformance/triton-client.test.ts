import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startScoring } from '../support/local-scoring.ts';
import { repositoryPath } from '../support/paths.ts';
import { accumulatorModel, identityModel } from '../support/serving-models.ts';

const run = promisify(execFile);
const script = repositoryPath('test', 'conformance', 'triton_client.py');
// `.ci/run` puts the client there; another Python that has it is as good.
const python = [repositoryPath('build', 'python', 'bin', 'python'), 'python3'].find(
  (name) => spawnSync(name, ['-c', 'import tritonclient.http.aio, numpy']).status === 0,
);
if (python === undefined) {
  process.stderr.write(
    "SKIPPED: NVIDIA's tritonclient; python3 -m venv build/python && build/python/bin/pip install 'tritonclient[http]'\n",
  );
}

it.skipIf(python === undefined)("NVIDIA's tritonclient speaks to it", async () => {
  const scoring = await startScoring({
    npu: 'ci',
    endpoint: { serverName: 'triton', allowsModelControl: true },
  });
  await scoring.deploy('fashion', { accelerate: 'ci' });
  await scoring.deploy('identity', { model: identityModel(['FP32', 'INT64', 'FP16', 'BOOL', 'BYTES']) });
  await scoring.deploy('sums', {
    model: accumulatorModel(),
    sequence: { state: [{ input: 'sum', output: 'next' }], idleMs: 60_000, sequencesMax: 3 },
  });
  const { stdout } = await run(python as string, [script, `127.0.0.1:${scoring.port}`]);
  expect(stdout).toContain('every check held');
});
