import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DesiredEndpoint } from '../../contract/messages.ts';
import { type ForkedScoring, startForked } from '../support/forked-scoring.ts';
import { grpcClient } from '../support/local-grpc.ts';
import { makeImage } from '../support/make-image.ts';
import { temporaryFolder } from '../support/paths.ts';
import { parseScrape, type ScrapedSample, sampleValue } from '../support/prometheus-text.ts';
import { accumulatorModel } from '../support/serving-models.ts';

type Where = { port: number } | { socketPath: string };

/** One request on a connection of its own, which the processes get in turn. */
async function call(
  where: Where,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<{ status: number | undefined; json: unknown }> {
  const method = body === undefined ? 'GET' : 'POST';
  const sent = request({ host: '127.0.0.1', ...where, path, method, headers, agent: false });
  sent.end(body && JSON.stringify(body));
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const piece of response) text += piece;
  return { status: response.statusCode, json: text.startsWith('{') ? JSON.parse(text) : text };
}

async function scrape(where: Where): Promise<ScrapedSample[]> {
  const { status, json } = await call(where, '/metrics');
  expect(status).toBe(200);
  return parseScrape(json as string);
}

function readyPids(scoring: ForkedScoring): number[] {
  return scoring.log.filter(({ msg }) => msg === 'scoring process ready').map(({ pid }) => pid as number);
}

async function ready(scoring: ForkedScoring, count: number): Promise<number[]> {
  await expect.poll(() => readyPids(scoring).length, { timeout: 30_000 }).toBe(count);
  return readyPids(scoring);
}

/** The primary learns of all these deaths in one turn. */
async function killAtOnce(scoring: ForkedScoring, pids: readonly number[]): Promise<void> {
  scoring.child.kill('SIGSTOP');
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  if (process.platform === 'linux') {
    // Those that have died stay, without a command line, until the primary asks after them.
    const isDead = (pid: number): boolean => readFileSync(`/proc/${pid}/cmdline`, 'utf8') === '';
    await expect.poll(() => pids.every(isDead), { timeout: 10_000 }).toBe(true);
  }
  scoring.child.kill('SIGCONT');
}

const zeros = { input: [Array(784).fill(0)] };
const settings = {
  processes: 2,
  npu: null,
  logLevel: 'info',
  endpoint: { allowsModelControl: true },
} as const;

/** Other processes have a second to tell what they know, which a stall of the machine may take. */
const patience = { timeout: 20_000 };

describe('several scoring processes', () => {
  it('serve as one, over TCP and socket: images, statistics, unloading, a death, a port that is taken', async () => {
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
    const second = await startForked({ ...settings, logLevel: 'silent', port });
    expect((await second.next('failed')).error.code).toBe('port_in_use');
    expect(await second.exited).toBe(1);

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
      const counts = async () => (await call(where, '/v2/models/fashion/stats')).json;
      const ofSix = { model_stats: [{ name: 'fashion', inference_count: 6 }] };
      await expect.poll(counts, patience).toMatchObject(ofSix);
      let samples = await scrape(where);
      // One that is held up for a second is left out.
      for (let tries = 0; sampleValue(samples, 'sluice_processes_answered') !== 2 && tries < 20; tries += 1) {
        samples = await scrape(where);
      }
      const labels = { model: 'fashion', version: '1' };
      expect(sampleValue(samples, 'sluice_requests_total', { ...labels, status: '200' })).toBe(6);
      const duration = 'sluice_request_duration_seconds';
      expect(sampleValue(samples, `${duration}_count`, { ...labels, route: 'cpu' })).toBe(6);
      expect(sampleValue(samples, `${duration}_bucket`, { ...labels, route: 'cpu', le: '+Inf' })).toBe(6);
      expect(sampleValue(samples, 'sluice_image_info', labels)).toBe(1);
      expect(sampleValue(samples, 'sluice_processes_answered')).toBe(2);
    }
    // One that hangs fails no scrape. A connection that it is given waits until it goes on.
    process.kill(first[0] ?? 0, 'SIGSTOP');
    const scrapes = [scrape(where), scrape(where)];
    expect(sampleValue(await Promise.any(scrapes), 'sluice_processes_answered')).toBe(1);
    process.kill(first[0] ?? 0, 'SIGCONT');
    await Promise.all(scrapes);

    // Clients of their own, whose connections the processes get in turn.
    for (let round = 0; round < 2; round += 1) {
      const client = grpcClient(grpcPort ?? 0);
      const counts = async () => (await client.call('ModelStatistics', { name: 'fashion' })).message;
      await expect
        .poll(counts, patience)
        .toMatchObject({ model_stats: [{ name: 'fashion', inference_count: 6 }] });
    }

    const missing = `sha256:${'1'.repeat(64)}`;
    scoring.tell({ type: 'activate', requestId: 2, deployment: 'fashion', image: missing });
    expect((await scoring.next('rejected')).error.code).toBe('blob_unavailable');

    expect((await call(where, '/v2/repository/models/fashion/unload', {})).status).toBe(200);
    for (let round = 0; round < 4; round += 1) expect((await call(where, '/score', zeros)).status).toBe(503);
    process.kill(first[0] ?? 0, 'SIGKILL');
    expect(await scoring.next('process-died')).toMatchObject({ processes: 1, isAnswered: false });
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

  it('ask for the keys of endpoints in each, also in one that came later, and end with the last of them', async () => {
    const scoring = await startForked(settings);
    const where = { port: (await scoring.next('listening')).port ?? 0 };
    const first = await ready(scoring, 2);
    const [primary = '', secondary = ''] = ['one', 'other'].map((key) =>
      createHash('sha256').update(key).digest('hex'),
    );
    const keys = { primary, secondary };
    const shop: DesiredEndpoint = { name: 'shop', traffic: { fashion: 100 }, mirror: {}, keys };
    const configure = async (generation: number, endpoints: DesiredEndpoint[], deployments: string[]) => {
      const version = { epoch: '00000000-0000-4000-8000-000000000000', generation };
      scoring.tell({ type: 'configure', version, endpoints, deployments });
      // The next one is of this version: none was told twice.
      expect(await scoring.next('configured')).toEqual({ type: 'configured', version });
    };
    /** Status without and with a key, over connections that both processes get. */
    const statuses = async (): Promise<(number | undefined)[][]> => {
      const found = [];
      for (let round = 0; round < 4; round += 1) {
        const path = '/api/v1/service/fashion/score';
        const without = await call(where, path, zeros);
        // In between, so that each process gets one of both.
        if (round === 1) await call(where, '/');
        const known = await call(where, path, zeros, { authorization: 'Bearer one' });
        found.push([without.status, known.status]);
      }
      return found;
    };
    const guarded = Array(4).fill([401, 200]);

    await configure(1, [shop], ['fashion', 'sums']);
    const image = await makeImage(scoring.blobs);
    scoring.tell({ type: 'activate', requestId: 1, deployment: 'fashion', image });
    await scoring.next('activated');
    expect(await statuses()).toEqual(guarded);
    process.kill(first[0] ?? 0, 'SIGKILL');
    await scoring.next('process-died');
    await ready(scoring, 3);
    expect(await statuses()).toEqual(guarded);

    // A sequence lives in one process, which is said once.
    const state = [{ input: 'sum', output: 'next' }];
    const sums = await makeImage(scoring.blobs, {
      name: 'sums',
      model: accumulatorModel(),
      sequence: { state, idleMs: 60_000, sequencesMax: 4 },
    });
    scoring.tell({ type: 'activate', requestId: 2, deployment: 'sums', image: sums });
    await scoring.next('activated');
    const warnings = () => scoring.log.filter(({ msg }) => msg.startsWith('this image keeps sequences'));
    await expect.poll(() => warnings()).toMatchObject([{ deployment: 'sums', image: sums }]);

    // Its endpoint is gone before the deployment is: whoever knows the keys asks for them, a new process has neither.
    await configure(2, [], ['sums']);
    process.kill(first[1] ?? 0, 'SIGKILL');
    await scoring.next('process-died');
    await ready(scoring, 4);
    for (const [without] of await statuses()) expect([401, 404]).toContain(without);
    scoring.tell({ type: 'remove', requestId: 3, deployment: 'fashion' });
    await scoring.next('removed');
    expect(await statuses()).toEqual(Array(4).fill([404, 404]));
    expect(warnings().length).toBe(1);

    await killAtOnce(scoring, readyPids(scoring).slice(-2));
    const told = once(scoring.child, 'disconnect');
    expect(await scoring.exited).toBe(1);
    await told;
    // Whoever started them learns it by that alone, so that it counts once.
    expect(scoring.unread.filter(({ type }) => type === 'process-died')).toEqual([]);
  });

  it('refuse a board, which one process opens', async () => {
    const npu = { kind: 'xrt', configuration: 'kv260-m', xclbin: 'no.xclbin', deviceIndex: 0 } as const;
    const scoring = await startForked({ ...settings, npu });
    expect((await scoring.next('failed')).error.code).toBe('usage');
    expect(await scoring.exited).toBe(1);
  });
});
