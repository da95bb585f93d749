import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { scoringLimits } from '../../agent/scoring-limits.ts';
import type { DataCollection } from '../../contract/messages.ts';
import { type CollectedLine, filesBelow, linesBelow } from '../support/collected.ts';
import { startForked } from '../support/forked-scoring.ts';
import { startScoring } from '../support/local-scoring.ts';
import { makeImage } from '../support/make-image.ts';
import { temporaryFolder } from '../support/paths.ts';
import { identityModel } from '../support/serving-models.ts';

const everything: DataCollection = {
  collections: ['request', 'response', 'inputs', 'outputs'],
  samplingRate: 1,
};
const model = identityModel(['INT32']);
const tensor = { name: 'in_int32', shape: [1, 3], datatype: 'INT32' };
const inputs = [{ ...tensor, data: [1, 2, 3] }];
const limits = { collection: { ...scoringLimits.collection, flushIntervalMs: 10, freeBytesMin: 0 } };

/** A server that collects into a folder, with one deployment. */
async function serve(options: { collect?: DataCollection | null; script?: string; bytesMax?: number } = {}) {
  const { collect = everything, script, bytesMax = 1 << 24 } = options;
  const folder = join(temporaryFolder(), 'collected');
  const collection = { folder, device: 'edge', bytesMax };
  const scoring = await startScoring({ limits, collection });
  await scoring.deploy('blue', { model, ...(script === undefined ? {} : { script }) });
  scoring.collector?.configure(collect === null ? {} : { blue: collect });
  /** Everything that was collected, by type, once all of it is written. */
  const collected = async (): Promise<Record<string, CollectedLine[]>> => {
    await scoring.stop();
    await scoring.collector?.stop();
    const lines: Record<string, CollectedLine[]> = {};
    for (const line of linesBelow(folder)) {
      const collection = line.type.replace('azureml.inference.', '');
      lines[collection] = [...(lines[collection] ?? []), line];
    }
    return lines;
  };
  return { scoring, folder, collected };
}

describe('data collection over HTTP', () => {
  it('keeps request, response, inputs and outputs of every dialect', async () => {
    const { scoring, folder, collected } = await serve();
    const keys = { primary: '0'.repeat(64), secondary: '1'.repeat(64) };
    const shop = { name: 'shop', traffic: { blue: 100 }, mirror: {}, keys: null };
    scoring.endpoints.configure({ endpoints: [shop], deployments: ['blue'] });
    const azure = await scoring.post(
      '/score',
      { data: [[1, 2, 3]] },
      { headers: { 'x-request-id': 'mine' } },
    );
    await scoring.post('/v2/models/shop/infer', { inputs });
    await scoring.post('/v1/models/blue:predict', { instances: [[1, 2, 3]] });
    // Without a key nothing is kept, and a key never is.
    scoring.endpoints.configure({ endpoints: [{ ...shop, keys }], deployments: ['blue'] });
    expect((await scoring.post('/score', { data: [[1, 2, 3]] })).status).toBe(401);
    const lines = await collected();
    const { request = [], response = [], inputs: taken = [], outputs = [] } = lines;
    expect(filesBelow(folder)).toHaveLength(4);
    expect(filesBelow(folder)[0]).toMatch(/^shop\/blue\/inputs\/\d{4}\/\d\d\/\d\d\/\d\d\/edge\.jsonl$/);
    expect(request.map(({ path, method, data }) => [method, path, data])).toEqual([
      ['POST', '/score', { data: [[1, 2, 3]] }],
      ['POST', '/v2/models/shop/infer', { inputs }],
      ['POST', '/v1/models/blue:predict', { instances: [[1, 2, 3]] }],
    ]);
    expect(response.map(({ statuscode }) => statuscode)).toEqual(['200', '200', '200']);
    expect(response[0]?.data).toEqual(azure.json);
    const values = { shape: [1, 3], datatype: 'INT32', data: [1, 2, 3] };
    expect(taken.map(({ data }) => data)).toEqual(Array(3).fill({ in_int32: values }));
    expect(outputs.map(({ data }) => data)).toEqual(Array(3).fill({ out_int32: values }));
    // One id a request, and the client's beside it.
    const ids = (of: CollectedLine[]) => of.map(({ correlationid }) => correlationid);
    expect(new Set(ids(request)).size).toBe(3);
    expect([ids(response), ids(taken), ids(outputs)]).toEqual(Array(3).fill(ids(request)));
    expect([request[0]?.xrequestid, outputs[0]?.xrequestid]).toEqual(['mine', 'mine']);
    expect(request[0]?.source).toBe('/devices/edge/endpoints/shop/deployments/blue');
    expect(scoring.collector?.state.written).toEqual({ request: 3, response: 3, inputs: 3, outputs: 3 });
  });

  it('keeps binary and compressed payloads, and failures', async () => {
    const { scoring, collected } = await serve();
    const data = Buffer.from(Int32Array.of(4, 5, 6).buffer);
    const head = JSON.stringify({
      inputs: [{ ...tensor, parameters: { binary_data_size: 12 } }],
      parameters: { binary_data_output: true },
    });
    const headers = { 'inference-header-content-length': String(head.length) };
    await scoring.post('/v2/models/blue/infer', Buffer.concat([Buffer.from(head), data]), { headers });
    const zipped = { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' };
    await scoring.post('/v2/models/blue/infer', gzipSync(JSON.stringify({ inputs })), { headers: zipped });
    expect((await scoring.post('/score', '{"data": [[1]]}')).status).toBe(400);
    expect(
      (await scoring.post('/score', 'no JSON', { headers: { 'content-type': 'text/plain' } })).status,
    ).toBe(400);
    const { request = [], response = [], outputs = [] } = await collected();
    const base64 = (line: CollectedLine | undefined) => Buffer.from(String(line?.data_base64), 'base64');
    expect(request[0]).toMatchObject({
      headerlength: String(head.length),
      datacontenttype: 'application/octet-stream',
    });
    expect(base64(request[0]).subarray(head.length)).toEqual(data);
    const length = Number(response[0]?.headerlength);
    expect(base64(response[0]).subarray(length)).toEqual(data);
    expect([request[1]?.data, response[1]?.data]).toMatchObject([{ inputs }, { model_name: 'blue' }]);
    expect(request.slice(2).map(({ data: sent }) => sent)).toEqual([{ data: [[1]] }, undefined]);
    expect(base64(request[3]).toString()).toBe('no JSON');
    expect(response.slice(2)).toMatchObject([
      { statuscode: '400', data: { code: 'tensor_shape' } },
      { statuscode: '400', data: { code: 'invalid_json' } },
    ]);
    expect(outputs).toHaveLength(2);
  });

  it('keeps what a script was asked, answered, and had computed', async () => {
    const script = `export async function run(input, context) {
      const data = new Int32Array([7, 8, input.body.length]);
      const { out_int32 } = await context.infer({ in_int32: { shape: [1, 3], data } });
      return 'seen ' + out_int32.data[0];
    }`;
    const { scoring, collected } = await serve({ script });
    const answer = await scoring.post('/score', Uint8Array.of(1, 2), {
      headers: { 'content-type': 'image/png' },
    });
    expect(answer.status).toBe(200);
    const { request, response, inputs: taken, outputs } = await collected();
    expect(request).toMatchObject([{ datacontenttype: 'image/png', data_base64: 'AQI=' }]);
    expect(response).toMatchObject([
      { datacontenttype: 'text/plain; charset=utf-8', data_base64: Buffer.from('seen 7').toString('base64') },
    ]);
    expect([taken, outputs]).toMatchObject([
      [{ data: { in_int32: { data: [7, 8, 2] } } }],
      [{ data: { out_int32: { data: [7, 8, 2] } } }],
    ]);
  });

  it('puts large payloads into files of their own', async () => {
    const { scoring, folder, collected } = await serve();
    const rows = 40_000;
    const data = Array.from({ length: rows * 3 }, (_, index) => index);
    const large = { inputs: [{ ...tensor, shape: [rows, 3], data }] };
    const answer = await scoring.post('/v2/models/blue/infer', large);
    expect(answer.status).toBe(200);
    const lines = await collected();
    const payloadOf = (collection: string): Buffer => {
      const [path = ''] = filesBelow(folder).filter(
        (each) => each.includes(`/${collection}/`) && each.endsWith('.jsonl'),
      );
      const dataref = String(lines[collection]?.[0]?.dataref);
      return readFileSync(join(folder, path, '..', dataref));
    };
    expect(payloadOf('request').toString() === JSON.stringify(large)).toBe(true);
    expect(payloadOf('response').toString() === answer.text).toBe(true);
    for (const collection of ['inputs', 'outputs']) {
      const file = payloadOf(collection).subarray(Number(lines[collection]?.[0]?.headerlength));
      expect([collection, file.equals(Buffer.from(Int32Array.from(data).buffer))]).toEqual([
        collection,
        true,
      ]);
    }
  });

  it('keeps nothing unless it is told to, and answers when the disk takes nothing', async () => {
    const off = await serve({ collect: null });
    expect((await off.scoring.post('/score', { data: [[1, 2, 3]] })).status).toBe(200);
    await off.collected();
    expect(filesBelow(off.folder)).toEqual([]);
    const never = await serve({ collect: { ...everything, samplingRate: 0 } });
    expect((await never.scoring.post('/score', { data: [[1, 2, 3]] })).status).toBe(200);
    await never.collected();
    expect(filesBelow(never.folder)).toEqual([]);

    const full = await serve({ bytesMax: 1 });
    for (let round = 0; round < 3; round += 1) {
      expect((await full.scoring.post('/score', { data: [[1, 2, 3]] })).status).toBe(200);
    }
    await expect.poll(() => full.scoring.collector?.state.dropped.disk_full).toBe(12);
    const { text } = await full.scoring.get('/metrics');
    expect(text).toMatch(/^sluice_collected_dropped_lines_total\{reason="disk_full"\} 12$/m);
    expect(text).toMatch(/^sluice_collected_lines_total\{collection="request"\} 0$/m);
    expect(text).toMatch(/^sluice_collected_disk_bytes 0$/m);
    expect(filesBelow(full.folder)).toEqual([]);
  });
});

describe('data collection of several processes', () => {
  it('is switched without a restart, each writing its own files', async () => {
    const folder = join(temporaryFolder(), 'collected');
    const collection = { folder, device: 'edge', bytesMax: 1 << 24 };
    const scoring = await startForked({ processes: 2, npu: null, collection });
    const { port } = await scoring.next('listening');
    const deployments = ['blue'];
    const configure = (generation: number, collect: Record<string, DataCollection>): Promise<unknown> => {
      const version = { epoch: 'e', generation };
      scoring.tell({ type: 'configure', version, endpoints: [], deployments, collect });
      return scoring.next('configured');
    };
    await configure(1, { blue: { collections: ['response'], samplingRate: 1 } });
    const image = await makeImage(scoring.blobs, { model });
    scoring.tell({ type: 'activate', requestId: 1, deployment: 'blue', image });
    await scoring.next('activated');
    const score = async (): Promise<void> => {
      // A connection of its own, which the processes get in turn.
      const sent = request({ host: '127.0.0.1', port, path: '/score', method: 'POST', agent: false });
      sent.end(JSON.stringify({ data: [[1, 2, 3]] }));
      const [answer] = await once(sent, 'response');
      answer.resume();
      await once(answer, 'end');
    };
    for (let round = 0; round < 6; round += 1) await score();
    await configure(2, {});
    await score();
    scoring.tell({ type: 'stop' });
    expect(await scoring.exited).toBe(0);
    expect(linesBelow(folder)).toHaveLength(6);
    expect(filesBelow(folder).map((path) => path.split('/').at(-1))).toEqual(['edge-1.jsonl', 'edge.jsonl']);
  });
});
