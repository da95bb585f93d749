import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { startForked } from '../support/forked-scoring.ts';
import { grpcClient } from '../support/local-grpc.ts';
import { goldenTensor, makeImage } from '../support/make-image.ts';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';
import { busyModel } from '../support/serving-models.ts';

const xrtBuilt = existsSync(repositoryPath('build/native/Release/sluice_xrt.so'));
if (!xrtBuilt) {
  process.stderr.write('SKIPPED: a scoring process on XRT; install libxrt-dev and uuid-dev, build again\n');
}

describe('the scoring process', () => {
  it('listens, activates, refuses, removes and stops', async () => {
    const scoring = await startForked();
    const { port, npu } = await scoring.next('listening');
    expect(npu).toMatchObject({ route: 'fpga-sim', configuration: 'kv260-m' });
    const image = await makeImage(scoring.blobs, { accelerate: 'kv260-m' });
    scoring.tell({ type: 'activate', requestId: 1, deployment: 'fashion', image });
    expect(await scoring.next('activated')).toEqual({ type: 'activated', requestId: 1 });
    const url = `http://127.0.0.1:${port}/v2/models/fashion/ready`;
    expect((await fetch(url)).status).toBe(200);

    const missing = `sha256:${'1'.repeat(64)}`;
    scoring.tell({ type: 'activate', requestId: 2, deployment: 'fashion', image: missing });
    expect(await scoring.next('rejected')).toMatchObject({
      requestId: 2,
      error: { code: 'blob_unavailable' },
    });
    expect((await fetch(url)).status).toBe(200);

    // Behind keys until it is gone; one that never ran is gone at once.
    const keys = { primary: '0'.repeat(64), secondary: '1'.repeat(64) };
    const shop = { name: 'shop', traffic: { fashion: 100, late: 0 }, mirror: {}, keys };
    const version = (generation: number) => ({ epoch: 'one', generation });
    const both = ['fashion', 'late'];
    scoring.tell({ type: 'configure', version: version(1), endpoints: [shop], deployments: both });
    scoring.tell({ type: 'configure', version: version(2), endpoints: [], deployments: [] });
    for (const _ of both) await scoring.next('configured');
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url.replace('fashion', 'late'))).status).toBe(404);
    scoring.tell({ type: 'remove', requestId: 3, deployment: 'fashion' });
    await scoring.next('removed');
    expect((await fetch(url)).status).toBe(404);
    scoring.tell({ type: 'stop' });
    expect(await scoring.exited).toBe(0);
  });

  it('ends what it has begun when it stops, and leaves signals to its parent', async () => {
    const scoring = await startForked({ npu: null });
    const { port, npu } = await scoring.next('listening');
    expect(npu).toBeNull();
    const sum = { name: 'sum', datatype: 'FP32', shape: [] as number[], data: new Uint8Array(4) } as const;
    const one = new Uint8Array(new BigInt64Array([1n, 1n]).buffer);
    const size = goldenTensor({ name: 'size', datatype: 'INT64', shape: [2], data: one });
    const image = await makeImage(scoring.blobs, {
      model: busyModel(),
      samples: [{ inputs: [size], outputs: [goldenTensor({ ...sum, shape: [] })] }],
    });
    scoring.tell({ type: 'activate', requestId: 1, deployment: 'busy', image });
    await scoring.next('activated');
    scoring.child.kill('SIGINT');
    scoring.child.kill('SIGTERM');
    const running = fetch(`http://127.0.0.1:${port}/score`, {
      method: 'POST',
      body: JSON.stringify({ size: [500, 500] }),
    });
    // The first answer proves that the signals did no harm; the second request is under way at the stop.
    expect((await running).status).toBe(200);
    const last = fetch(`http://127.0.0.1:${port}/score`, {
      method: 'POST',
      body: JSON.stringify({ size: [1_500, 1_500] }),
    });
    await vi.waitFor(async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(metrics).toMatch(/^sluice_queue_running\{.*\} 1$/m);
    }, 20_000);
    scoring.tell({ type: 'stop' });
    expect((await last).status).toBe(200);
    expect(await scoring.exited).toBe(0);
  });

  it('has for scripts what is loaded when it is asked for first', async () => {
    const scoring = await startForked({ npu: null });
    const { port } = await scoring.next('listening');
    const forms = `export async function run(input) {
      if (input.contentType === 'text/csv') return await input.csv();
      return (await input.image({ width: 2, height: 1 })).width;
    }`;
    const described = `
      export const inputSchema = { type: 'object' };
      export const run = (input) => input.value;`;
    for (const [index, script] of [forms, described].entries()) {
      const image = await makeImage(scoring.blobs, { script });
      scoring.tell({ type: 'activate', requestId: index, deployment: `script-${index}`, image });
      await scoring.next('activated');
    }
    const score = async (index: number, contentType: string, body: string | Uint8Array) => {
      const url = `http://127.0.0.1:${port}/api/v1/service/script-${index}/score`;
      const answer = await fetch(url, { method: 'POST', headers: { 'content-type': contentType }, body });
      return answer.status === 200 ? await answer.json() : answer.status;
    };
    const picture = readFileSync(repositoryPath('samples', 'fashion', 'coat.png'));
    expect(await score(0, 'text/csv', '1,2\n')).toEqual([['1', '2']]);
    expect(await score(0, 'image/png', picture)).toBe(2);
    expect(await score(1, 'application/json', '{"a":1}')).toEqual({ a: 1 });
    expect(await score(1, 'application/json', '[1]')).toBe(400);
  });

  it('serves gRPC at the port that it is given, and only then', async () => {
    const scoring = await startForked({ npu: null, endpoint: { grpcPort: 0 } });
    const { grpcPort } = await scoring.next('listening');
    const grpc = grpcClient(grpcPort ?? 0);
    const image = await makeImage(scoring.blobs);
    scoring.tell({ type: 'activate', requestId: 1, deployment: 'fashion', image });
    await scoring.next('activated');
    expect((await grpc.call('ServerReady')).message).toEqual({ ready: true });
    const taken = await startForked({ npu: null, endpoint: { grpcPort: grpcPort ?? 0 } });
    expect((await taken.next('failed')).error.code).toBe('port_in_use');
    expect(await taken.exited).toBe(1);
    scoring.tell({ type: 'stop' });
    expect(await scoring.exited).toBe(0);
    const without = await startForked({ npu: null });
    expect(await without.next('listening')).not.toHaveProperty('grpcPort');
  });

  it('ends by itself when its parent is gone', async () => {
    const scoring = await startForked();
    await scoring.next('listening');
    scoring.child.disconnect();
    expect(await scoring.exited).toBe(0);
  });

  it('serves without NPU when the device cannot be opened', async () => {
    const scoring = await startForked({ npu: { kind: 'simulator', configuration: 'no-such-board' } });
    expect((await scoring.next('listening')).npu).toBeNull();
  });

  it('serves without NPU when there is no such board', async () => {
    const npu = { kind: 'xrt', configuration: 'kv260-m', xclbin: 'no-such.xclbin', deviceIndex: 0 } as const;
    const scoring = await startForked({ npu });
    expect((await scoring.next('listening')).npu).toBeNull();
  });

  it.skipIf(!xrtBuilt)('serves on the board that XRT finds', async () => {
    const configuration = 'kv260-m';
    const xclbin = join(temporaryFolder(), 'board.xclbin');
    const unit = `npu_${hardwareConfigurations[configuration]?.hash.slice(0, 16)}`;
    execFileSync(process.execPath, [repositoryPath('scripts/make-xclbin.mjs'), xclbin, unit]);
    // XRT's emulation that accepts everything and computes nothing.
    vi.stubEnv('XCL_EMULATION_MODE', 'noop');
    onTestFinished(() => void vi.unstubAllEnvs());
    const scoring = await startForked({ npu: { kind: 'xrt', configuration, xclbin, deviceIndex: 0 } });
    expect((await scoring.next('listening')).npu).toMatchObject({ route: 'fpga', configuration });
  });

  it('names the port and the flag when the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const scoring = await startForked({ port });
    const { error } = await scoring.next('failed');
    expect(error.code).toBe('port_in_use');
    expect(error.message).toContain(String(port));
    expect(error.message).toContain('--port');
    expect(await scoring.exited).toBe(1);
  });

  it('refuses a malformed argument', async () => {
    const scoring = await startForked({ port: -1 });
    expect((await scoring.next('failed')).error.code).toBe('usage');
    expect(await scoring.exited).toBe(1);
  });
});
