import { describe, expect, it } from 'vitest';
import { besiege, goodInput, inferPath } from '../support/hostile.ts';
import { exchange, postOf } from '../support/raw-http.ts';

const body = JSON.stringify({ inputs: [goodInput] });
/** What a server takes for a request of its own when it divides the bytes in another way than a proxy did. */
const smuggled = 'GET /v2/models/stats HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

function post(fields: readonly string[], content: string): string {
  return `${[`POST ${inferPath} HTTP/1.1`, 'host: x', ...fields].join('\r\n')}\r\n\r\n${content}`;
}

const chunked = 'transfer-encoding: chunked';
const ended = '0\r\n\r\n';

describe('requests that two servers would divide differently', () => {
  // Each gets one answer, an error, and the connection ends: nothing behind it is read as a request.
  const shapes: [string, string][] = [
    ['a length and chunks', post(['content-length: 5', chunked], `${ended}${smuggled}`)],
    ['chunks and a length', post([chunked, 'content-length: 5'], `${ended}${smuggled}`)],
    ['two lengths', post(['content-length: 0', 'content-length: 80'], smuggled)],
    ['one length twice', post(['content-length: 2', 'content-length: 2'], `{}${smuggled}`)],
    ['a list of lengths', post(['content-length: 0, 80'], smuggled)],
    ['a length with a plus', post(['content-length: +2'], `{}${smuggled}`)],
    ['a length below 0', post(['content-length: -1'], smuggled)],
    ['a length in hexadecimals', post(['content-length: 0x2'], `{}${smuggled}`)],
    ['a length beyond 64 bits', post(['content-length: 99999999999999999999'], smuggled)],
    ['a length of nothing', post(['content-length: '], smuggled)],
    ['chunked, then identity', post(['transfer-encoding: chunked, identity'], `${ended}${smuggled}`)],
    ['identity alone', post(['transfer-encoding: identity'], `${ended}${smuggled}`)],
    ['chunked, misspelt', post(['transfer-encoding: xchunked'], `${ended}${smuggled}`)],
    ['chunked, in quotes', post(['transfer-encoding: "chunked"'], `${ended}${smuggled}`)],
    ['a space in front of the colon', post(['transfer-encoding : chunked'], `${ended}${smuggled}`)],
    ['a folded header', post(['x-a: b\r\n content-length: 5'], smuggled)],
    ['a folded coding', post(['transfer-encoding:\r\n chunked'], `${ended}${smuggled}`)],
    ['lines that end in a bare LF', `POST ${inferPath} HTTP/1.1\nhost: x\ncontent-length: 0\n\n${smuggled}`],
    ['a bare CR within a header', post(['x-a: b\rcontent-length: 5'], smuggled)],
    ['a NUL within a header', post(['x-a: b\0c', 'content-length: 0'], smuggled)],
    ['a header without a name', post([': b', 'content-length: 0'], smuggled)],
    ['a header without a colon', post(['content-length 0'], smuggled)],
    ['a chunk size with a sign', post([chunked], `+2\r\n{}\r\n${ended}${smuggled}`)],
    ['a chunk size that is none', post([chunked], `zz\r\n{}\r\n${ended}${smuggled}`)],
    ['a chunk size beyond 64 bits', post([chunked], `fffffffffffffffff\r\n{}\r\n${ended}${smuggled}`)],
    ['a chunk without its end', post([chunked], `2\r\n{}xx${ended}${smuggled}`)],
  ];

  it('get one error, and the connection ends', async () => {
    const server = await besiege();
    for (const [what, request] of shapes) {
      const { answers, isEnded } = await exchange(server.port, request);
      const seen = answers.map(({ status, code }) => [status, code]);
      expect.soft({ what, seen, isEnded }).toEqual({ what, seen: [[400, 'invalid_request']], isEnded: true });
      await server.stillAnswers();
    }
  });
});

describe('targets and methods', () => {
  const line = (start: string, fields: readonly string[] = ['host: x', 'connection: close']): string =>
    `${[start, ...fields].join('\r\n')}\r\n\r\n`;
  const cases: [string, string, number | undefined, string | undefined][] = [
    ['a target in absolute form', line('GET http://elsewhere:1/v2/health/live HTTP/1.1'), 200, undefined],
    ['an absolute target without path', line('GET http://elsewhere HTTP/1.1'), 200, undefined],
    ['an absolute target of another scheme', line('GET ftp://x/v2 HTTP/1.1'), 404, 'not_found'],
    ['all of the server', line('OPTIONS * HTTP/1.1'), 404, 'not_found'],
    ['nothing but a star', line('GET * HTTP/1.1'), 404, 'not_found'],
    ['a target without a slash', line('GET v2 HTTP/1.1'), 400, 'invalid_request'],
    ['steps upwards', line('GET /v2/../../etc/passwd HTTP/1.1'), 404, 'not_found'],
    ['steps upwards, encoded', line('GET /v2/models/%2e%2e%2fx HTTP/1.1'), 404, 'unknown_model'],
    ['a NUL, encoded', line('GET /v2/models/a%00b HTTP/1.1'), 404, 'unknown_model'],
    ['a NUL', line('GET /v2/models/a\0b HTTP/1.1'), 400, 'invalid_request'],
    ['half an escape', line('GET /v2/models/%e2%82 HTTP/1.1'), 400, 'invalid_request'],
    ['no escape', line('GET /v2/models/%zz HTTP/1.1'), 400, 'invalid_request'],
    ['the name of a prototype', line('GET /v2/models/__proto__ HTTP/1.1'), 404, 'unknown_model'],
    ['the name of a method of all', line('GET /v2/models/constructor/ready HTTP/1.1'), 404, 'unknown_model'],
    ['a target beyond measure', line(`GET /${'a'.repeat(60_000)} HTTP/1.1`), 431, 'headers_too_large'],
    ['TRACE', line('TRACE /v2 HTTP/1.1'), 404, 'not_found'],
    ['CONNECT', line('CONNECT elsewhere:443 HTTP/1.1'), undefined, undefined],
    ['a method of nobody', line('BREW /v2 HTTP/1.1'), 400, 'invalid_request'],
    ['HTTP/1.0', line('GET /v2/health/live HTTP/1.0', []), 200, undefined],
    ['HTTP/3.9', line('GET /v2 HTTP/3.9'), 400, 'invalid_request'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'invalid_request'],
    ['a hello of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'invalid_request'],
    [
      'an upgrade',
      line('GET /v2/health/live HTTP/1.1', [
        'host: x',
        'connection: upgrade, close',
        'upgrade: websocket',
        'sec-websocket-key: eA==',
      ]),
      200,
      undefined,
    ],
    [
      'an upgrade to HTTP/2',
      line('GET /v2/health/live HTTP/1.1', [
        'host: x',
        'connection: upgrade, http2-settings, close',
        'upgrade: h2c',
        'http2-settings: AAMAAABk',
      ]),
      200,
      undefined,
    ],
    [
      'too many headers',
      line('GET /v2 HTTP/1.1', ['host: x', 'connection: close', ...Array(200).fill('x-a: b')]),
      431,
      'headers_too_large',
    ],
    [
      'headers beyond what Node keeps by itself',
      line('GET /v2 HTTP/1.1', ['host: x', ...Array(2500).fill('a:'), 'connection: close']),
      431,
      'headers_too_large',
    ],
    ['a long header', line('GET /v2 HTTP/1.1', [`x: ${'a'.repeat(20_000)}`]), 431, 'headers_too_large'],
    ['two hosts', line('GET /v2 HTTP/1.1', ['host: x', 'host: y', 'connection: close']), 200, undefined],
    [
      'a route of nobody',
      postOf(inferPath, body, ['x-sluice-route: gpu', 'connection: close']).toString(),
      400,
      'invalid_request',
    ],
    [
      'a header length twice',
      postOf(inferPath, body, [
        'inference-header-content-length: 5',
        'inference-header-content-length: 6',
        'connection: close',
      ]).toString(),
      400,
      'invalid_request',
    ],
  ];

  it('beyond the usual are served or refused by their codes', async () => {
    const server = await besiege();
    for (const [what, request, status, code] of cases) {
      const { answers, isEnded } = await exchange(server.port, Buffer.from(request, 'latin1'));
      const [answer] = answers;
      expect.soft({ what, status: answer?.status, code: answer?.code, isEnded }).toEqual({
        what,
        status,
        code,
        isEnded: true,
      });
      expect.soft(answers.length, what).toBe(status === undefined ? 0 : 1);
      await server.stillAnswers();
    }
  });
});

describe('pipelining', () => {
  it('answers in the order of the requests, the refused ones too', async () => {
    const server = await besiege();
    const requests = Array.from({ length: 60 }, (_, index) => {
      if (index % 3 === 0) return postOf(inferPath, JSON.stringify({ id: `${index}`, inputs: [goodInput] }));
      if (index % 3 === 1) return postOf('/v2/models/none/infer', body, [`x-request-id: ${index}`]);
      return Buffer.from('GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n');
    });
    const { answers } = await exchange(server.port, Buffer.concat(requests), { answers: requests.length });
    for (const [index, answer] of answers.entries()) {
      if (index % 3 === 0) {
        // The queue holds 16; what it has no room for is refused in its place.
        expect([200, 429]).toContain(answer.status);
        if (answer.status === 200) {
          expect(JSON.parse(answer.body.toString())).toMatchObject({ id: `${index}` });
        }
      } else expect(answer.status).toBe(index % 3 === 1 ? 404 : 200);
    }
    expect(answers[0]?.status).toBe(200);
    await server.stillAnswers();
  });

  it('stops at what is not HTTP, and answers what came before', async () => {
    const server = await besiege();
    const live = 'GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n';
    const { answers, isEnded } = await exchange(server.port, `${live}rubbish\r\n\r\n${live}`);
    expect(answers.map(({ status }) => status).filter((status) => status === 200).length).toBeLessThan(2);
    expect(isEnded).toBe(true);
    await server.stillAnswers();
  });
});
