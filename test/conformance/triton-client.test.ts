import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startGrpc } from '../support/local-grpc.ts';
import { startScoring } from '../support/local-scoring.ts';
import { repositoryPath } from '../support/paths.ts';
import { accumulatorModel, identityModel } from '../support/serving-models.ts';

const run = promisify(execFile);
// `.ci/run` puts the client there; another Python that has it is as good.
const python = [repositoryPath('build', 'python', 'bin', 'python'), 'python3'].find(
  (name) =>
    spawnSync(name, ['-c', 'import tritonclient.http.aio, tritonclient.grpc.aio, numpy, ml_dtypes'])
      .status === 0,
);
if (python === undefined) {
  process.stderr.write(
    "SKIPPED: NVIDIA's tritonclient; python3 -m venv build/python && build/python/bin/pip install 'tritonclient[http,grpc]'\n",
  );
}

async function drive(script: string, port: number): Promise<void> {
  const path = repositoryPath('test', 'conformance', script);
  const { stdout } = await run(python as string, [path, `127.0.0.1:${port}`]);
  expect(stdout).toContain('every check held');
}

it.skipIf(python === undefined)("NVIDIA's tritonclient speaks to it over HTTP and gRPC", async () => {
  const scoring = await startScoring({
    npu: 'ci',
    endpoint: { serverName: 'triton', allowsModelControl: true },
  });
  await scoring.deploy('fashion', { accelerate: 'ci' });
  await scoring.deploy('identity', {
    model: identityModel(['FP32', 'INT64', 'FP16', 'BF16', 'BOOL', 'BYTES']),
  });
  await scoring.deploy('sums', {
    model: accumulatorModel(),
    sequence: { state: [{ input: 'sum', output: 'next' }], idleMs: 60_000, sequencesMax: 3 },
  });
  const grpc = await startGrpc(scoring, { serverName: 'triton', allowsModelControl: true });
  await drive('triton_client.py', scoring.port);
  await drive('triton_grpc_client.py', grpc.port);
});
