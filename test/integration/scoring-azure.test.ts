import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { startScoring } from '../support/local-scoring.ts';
import { identityModel } from '../support/serving-models.ts';

const image = [...floatInput(fashionSet(), 0)];

/** Sends bytes as they are and returns all that comes back until the server hangs up. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString();
  });
  socket.write(text);
  await once(socket, 'close');
  return received;
}

describe('the Azure dialect', () => {
  it('is healthy', async () => {
    const scoring = await startScoring();
    const answer = await scoring.get('/');
    expect([answer.status, answer.text]).toEqual([200, 'Healthy']);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect((await fetch(scoring.url, { method: 'HEAD' })).status).toBe(200);
  });

  it('scores by input name, by `data`, and by the query', async () => {
    const scoring = await startScoring();
    const digest = await scoring.deploy('fashion');
    const byName = await scoring.post('/score', { input: [image, image] });
    expect(byName.status).toBe(200);
    expect(byName.headers.get('x-sluice-route')).toBe('cpu');
    expect(byName.headers.get('x-sluice-image')).toBe(digest);
    expect(byName.headers.get('x-ms-run-fn-exec-ms')).toMatch(/^\d+\.\d{3}$/);
    const { logits } = byName.json as { logits: number[][] };
    expect(logits.map((row) => row.indexOf(Math.max(...row)))).toEqual([9, 9]);
    expect((await scoring.post('/score', { data: [image] })).json).toEqual({ logits: [logits[0]] });
    const service = await scoring.post('/api/v1/service/fashion/score', { data: [image] });
    expect(service.json).toEqual({ logits: [logits[0]] });

    await scoring.deployments.remove('fashion');
    await scoring.deploy('small', { model: identityModel(['INT32']) });
    expect((await scoring.get('/score?in_int32=[[1,2,3]]')).json).toEqual({ out_int32: [[1, 2, 3]] });
    expect((await scoring.get('/score?data=[1,2,3]&data=[4,5,6]')).json).toEqual({
      out_int32: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    });
  });

  it('refuses bad input with 400 and the reason', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const cases: [string, unknown][] = [
      ['invalid_json', '{"data": [[0'],
      ['invalid_json', ''],
      ['invalid_request', '[1]'],
      ['invalid_request', 'null'],
      ['tensor_name', {}],
      ['tensor_name', { other: [image] }],
      ['tensor_shape', { data: image }],
      ['tensor_shape', { data: [image.slice(1)] }],
      ['tensor_shape', { data: 5 }],
      ['tensor_data', { data: [image, image.slice(1)] }],
      ['tensor_data', { data: [[null, ...image.slice(1)]] }],
    ];
    for (const [code, body] of cases) {
      const answer = await scoring.post('/score', body);
      expect([answer.status, answer.code]).toEqual([400, code]);
      expect(answer.headers.get('x-ms-run-fn-exec-ms')).not.toBeNull();
    }
    const query = await scoring.get('/score?data=[[0');
    expect([query.status, query.code]).toEqual([400, 'invalid_json']);
  });

  it('chooses the deployment: the only one, the pinned one, the named one', async () => {
    const scoring = await startScoring();
    const none = await scoring.post('/score', { data: [image] });
    expect([none.status, none.code]).toEqual([503, 'not_ready']);
    const first = await scoring.deploy('first');
    const second = await scoring.deploy('second', { version: 2 });
    const open = await scoring.post('/score', { data: [image] });
    expect([open.status, open.code]).toEqual([400, 'invalid_request']);
    for (const header of ['x-sluice-deployment', 'azureml-model-deployment']) {
      const pinned = await scoring.post('/score', { data: [image] }, { headers: { [header]: 'second' } });
      expect(pinned.headers.get('x-sluice-image')).toBe(second);
    }
    const named = await scoring.post('/api/v1/service/first/score', { data: [image] });
    expect(named.headers.get('x-sluice-image')).toBe(first);
    const unknown = await scoring.post('/api/v1/service/third/score', { data: [image] });
    expect([unknown.status, unknown.code]).toEqual([404, 'unknown_model']);
    const wrongMethod = await fetch(`${scoring.url}/score`, { method: 'PUT', body: '{}' });
    expect(wrongMethod.status).toBe(405);
  });

  it("echoes request ids as Azure's table says", async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const names = ['x-request-id', 'x-ms-request-id', 'x-ms-client-request-id'];
    // `*` stands for a generated id, the same one within a row.
    const table: [(string | null)[], (string | null)[]][] = [
      [
        [null, null, null],
        ['*', '*', null],
      ],
      [
        ['A', null, null],
        ['A', 'A', null],
      ],
      [
        [null, 'B', null],
        ['*', 'B', 'B'],
      ],
      [
        [null, null, 'C'],
        ['*', 'C', 'C'],
      ],
      [
        ['A', 'B', null],
        ['A', 'B', 'B'],
      ],
      [
        [null, 'B', 'C'],
        ['*', 'B', 'C'],
      ],
      [
        ['A', null, 'C'],
        ['A', 'C', 'C'],
      ],
      [
        ['A', 'B', 'C'],
        ['A', 'B', 'C'],
      ],
    ];
    for (const [sent, expected] of table) {
      const headers = Object.fromEntries(
        names.flatMap((name, index) => (sent[index] === null ? [] : [[name, sent[index] as string]])),
      );
      const answer = await scoring.post('/score', { data: [image] }, { headers });
      const generated = answer.headers.get('x-request-id');
      expect(names.map((name) => answer.headers.get(name))).toEqual(
        expected.map((value) => (value === '*' ? generated : value)),
      );
    }
    const headers = { 'x-ms-request-id': 'x'.repeat(101) };
    const long = await scoring.post('/score', { data: [image] }, { headers });
    expect([long.status, long.code]).toEqual([431, 'headers_too_large']);
  });

  it('answers what is no HTTP, and headers beyond measure, in its own form', async () => {
    const scoring = await startScoring();
    const garbage = await exchange(scoring.port, 'this is not HTTP\r\n\r\n');
    expect(garbage).toMatch(/^HTTP\/1\.1 400 /);
    expect(garbage).toContain('"code":"invalid_request"');
    const flood = `GET / HTTP/1.1\r\nhost: x\r\nx-flood: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await exchange(scoring.port, flood)).toContain('"code":"headers_too_large"');
    expect((await scoring.get('/')).status).toBe(200);
  });

  it('hangs up on a request that does not arrive in time', async () => {
    const scoring = await startScoring({
      limits: { requestTimeoutMs: 300, headersTimeoutMs: 300, connectionCheckMs: 100 },
    });
    const answer = await exchange(
      scoring.port,
      'POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n12',
    );
    expect(answer).toContain('"code":"request_timeout"');
  });
});
