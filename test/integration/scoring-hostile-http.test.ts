import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startScoring } from '../support/local-scoring.ts';

/** Sends bytes as they are; gives what came back until the server ended its side. */
async function exchange(port: number, request: string): Promise<{ status: number; body: unknown }> {
  const socket = connect({ port, host: '127.0.0.1' });
  let answer = '';
  socket.on('data', (bytes: Buffer) => {
    answer += bytes.toString();
  });
  socket.write(request);
  await once(socket, 'end');
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: body === '' ? undefined : JSON.parse(body) };
}

const coded = (code: string) => ({ error: expect.any(String), message: expect.any(String), code });

describe('hostile HTTP', () => {
  it.each(['/v2/models/%zz/infer', '/%c0%80', `/v2/models/${'a'.repeat(3000)}`])(
    'a path that no route can take gets an error of ours: %.30s',
    async (path) => {
      const scoring = await startScoring();
      const answer = await scoring.get(path);
      expect([answer.status, answer.json]).toEqual([400, coded('invalid_request')]);
    },
  );

  it.each([
    ['no host', 'GET /v2 HTTP/1.1\r\nConnection: close\r\n\r\n'],
    [
      'an unknown expectation',
      'GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: miracles\r\n\r\n',
    ],
    ['no HTTP', 'hello\r\n\r\n'],
  ])('%s gets an error of ours', async (_what, request) => {
    const scoring = await startScoring();
    expect(await exchange(scoring.port, request)).toEqual({ status: 400, body: coded('invalid_request') });
  });

  it.each(['hello\r\n\r\n', 'GET /v2 HTTP/1.1\r\nHo'])(
    'cuts a connection that the client keeps half open: %j',
    async (request) => {
      const scoring = await startScoring({
        limits: { hangUpMs: 100, headersTimeoutMs: 200, requestTimeoutMs: 300, connectionCheckMs: 50 },
      });
      const socket = connect({ port: scoring.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.resume();
      socket.write(request);
      await once(socket, 'end');
      // Only a server that has let go of the connection answers more bytes with a reset.
      const timer = setInterval(() => socket.write('x'), 50);
      const [error] = await once(socket, 'error').catch((thrown: unknown) => [thrown]);
      clearInterval(timer);
      expect(['EPIPE', 'ECONNRESET']).toContain((error as { code: string }).code);
    },
  );

  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const zeros = Array(783).fill(0).join(',');
  const infer = (data: string): string =>
    `{"inputs":[{"name":"input","datatype":"FP32","shape":[1,784],"data":${data}}]}`;
  it.each([
    ['a body nested too deeply', deep, 'invalid_request'],
    ['inputs nested too deeply', `{"inputs":${deep}}`, 'invalid_request'],
    ['an element nested too deeply', infer(`[[${deep},${zeros}]]`), 'tensor_data'],
    [
      'a long name',
      JSON.stringify({ inputs: [{ name: 'n'.repeat(1e6), datatype: 'FP32', shape: [1], data: [1] }] }),
      'tensor_name',
    ],
    ['a long datatype', infer('[]').replace('FP32', 'n'.repeat(1e6)), 'tensor_datatype'],
  ])('%s gets a short 400', async (_what, body, code) => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const answer = await scoring.post('/v2/models/fashion/infer', body);
    expect([answer.status, answer.code]).toEqual([400, code]);
    expect(answer.text.length).toBeLessThan(2_000);
  });

  it('a number beyond all floats is named as what it became', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const answer = await scoring.post('/v2/models/fashion/infer', infer(`[1e400,${zeros}]`));
    expect([answer.status, answer.code]).toEqual([400, 'tensor_data']);
    expect((answer.json as { message: string }).message).toContain('data[0] is Infinity');
  });
});
