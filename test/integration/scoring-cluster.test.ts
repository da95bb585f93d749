import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ForkedScoring, startForked } from '../support/forked-scoring.ts';
import { grpcClient } from '../support/local-grpc.ts';
import { makeImage } from '../support/make-image.ts';
import { temporaryFolder } from '../support/paths.ts';

type Where = { port: number } | { socketPath: string };

/** One request on a connection of its own, which the processes get in turn. */
async function call(
  where: Where,
  path: string,
  body?: object,
): Promise<{ status: number | undefined; json: unknown }> {
  const method = body === undefined ? 'GET' : 'POST';
  const sent = request({ host: '127.0.0.1', ...where, path, method, agent: false });
  sent.end(body && JSON.stringify(body));
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const piece of response) text += piece;
  return { status: response.statusCode, json: text.startsWith('{') ? JSON.parse(text) : text };
}

function readyPids(scoring: ForkedScoring): number[] {
  return scoring.log.filter(({ msg }) => msg === 'scoring process ready').map(({ pid }) => pid as number);
}

async function ready(scoring: ForkedScoring, count: number): Promise<number[]> {
  await expect.poll(() => readyPids(scoring).length, { timeout: 30_000 }).toBe(count);
  return readyPids(scoring);
}

const zeros = { input: [Array(784).fill(0)] };
const settings = {
  processes: 2,
  npu: null,
  logLevel: 'info',
  endpoint: { allowsModelControl: true },
} as const;

describe('several scoring processes', () => {
  it('serve as one, over TCP and socket: images, statistics, unloading, and a death', async () => {
    const path = join(temporaryFolder(), 'scoring.sock');
    const listeners = { socket: { path, mode: 0o600 } };
    const endpoint = { ...settings.endpoint, grpcPort: 0 };
    const folder = join(temporaryFolder(), 'collected');
    const collection = { folder, device: 'edge', bytesMax: 1 << 24 };
    const scoring = await startForked({ ...settings, endpoint, listeners, collection });
    const { port, grpcPort } = await scoring.next('listening');
    const where = { port: port ?? 0 };
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const first = await ready(scoring, 2);
    expect(new Set(first).size).toBe(2);

    const image = await makeImage(scoring.blobs);
    scoring.tell({
      type: 'configure',
      version: { epoch: 'first', generation: 1 },
      endpoints: [],
      deployments: ['fashion'],
      collect: { fashion: { collections: ['request'], samplingRate: 1 } },
    });
    scoring.tell({ type: 'activate', requestId: 1, deployment: 'fashion', image });
    await scoring.next('activated');
    for (let round = 0; round < 3; round += 1) {
      expect((await call(where, '/score', zeros)).status).toBe(200);
      expect((await call({ socketPath: path }, '/score', zeros)).status).toBe(200);
    }
    // Whoever is asked knows what all have counted.
    for (let round = 0; round < 2; round += 1) {
      const { json } = await call(where, '/v2/models/fashion/stats');
      expect(json).toMatchObject({ model_stats: [{ name: 'fashion', inference_count: 6 }] });
    }

    // Clients of their own, whose connections the processes get in turn.
    for (let round = 0; round < 2; round += 1) {
      const { message } = await grpcClient(grpcPort ?? 0).call('ModelStatistics', { name: 'fashion' });
      expect(message).toMatchObject({ model_stats: [{ name: 'fashion', inference_count: 6 }] });
    }

    const missing = `sha256:${'1'.repeat(64)}`;
    scoring.tell({ type: 'activate', requestId: 2, deployment: 'fashion', image: missing });
    expect((await scoring.next('rejected')).error.code).toBe('blob_unavailable');

    expect((await call(where, '/v2/repository/models/fashion/unload', {})).status).toBe(200);
    for (let round = 0; round < 4; round += 1) expect((await call(where, '/score', zeros)).status).toBe(503);
    process.kill(first[0] ?? 0, 'SIGKILL');
    expect(await scoring.next('process-died')).toMatchObject({ isAnswered: false });
    await ready(scoring, 3);
    // The one that came instead knows what is unloaded, and listens where the others do.
    for (let round = 0; round < 4; round += 1) {
      expect((await call(where, '/v2/models/fashion/ready')).status).toBe(503);
    }
    expect((await call(where, '/v2/repository/models/fashion/load', {})).status).toBe(200);
    for (let round = 0; round < 4; round += 1) expect((await call(where, '/score', zeros)).status).toBe(200);

    process.kill(first[1] ?? 0, 'SIGKILL');
    await scoring.next('process-died');
    for (let round = 0; round < 6; round += 1) expect((await call(where, '/score', zeros)).status).toBe(200);
    await ready(scoring, 4);
    for (let round = 0; round < 2; round += 1) {
      expect((await grpcClient(grpcPort ?? 0).call('ServerReady')).message).toEqual({ ready: true });
    }

    scoring.tell({ type: 'remove', requestId: 3, deployment: 'fashion' });
    await scoring.next('removed');
    for (let round = 0; round < 2; round += 1) {
      expect((await call(where, '/v2/models/fashion/ready')).status).toBe(404);
    }
    scoring.tell({ type: 'stop' });
    expect(await scoring.exited).toBe(0);
    expect(existsSync(path)).toBe(false);
    // The permissions of the socket are not those of what the processes write.
    expect(statSync(folder).mode & 0o700).toBe(0o700);
  });

  it('refuse a board, which one process opens', async () => {
    const npu = { kind: 'xrt', configuration: 'kv260-m', xclbin: 'no.xclbin', deviceIndex: 0 } as const;
    const scoring = await startForked({ ...settings, npu });
    expect((await scoring.next('failed')).error.code).toBe('usage');
    expect(await scoring.exited).toBe(1);
  });

  it('say once that the port is taken, and end with the last of them', async () => {
    const scoring = await startForked(settings);
    const { port } = await scoring.next('listening');
    const second = await startForked({ ...settings, logLevel: 'silent', port });
    expect((await second.next('failed')).error.code).toBe('port_in_use');
    expect(await second.exited).toBe(1);
    // When all have died, whoever started them learns it.
    for (const pid of await ready(scoring, 2)) process.kill(pid, 'SIGKILL');
    expect(await scoring.exited).toBe(1);
  });
});
