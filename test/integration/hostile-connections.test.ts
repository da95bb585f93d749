import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../agent/engines/engine.ts';
import { type Besieged, besiege, goodInput, inferPath, socketCount } from '../support/hostile.ts';
import { exchange, openSocket, postOf } from '../support/raw-http.ts';
import { busyModel, identityModel } from '../support/serving-models.ts';

const MiB = 1024 * 1024;
const chunkedHead = `POST ${inferPath} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n`;

const short = { headersTimeoutMs: 200, requestTimeoutMs: 400, connectionCheckMs: 50, hangUpMs: 100 };

/** For what comes soon, on a machine of which others may take most. */
const patienceMs = 20_000;

describe('floods', () => {
  it('of one-byte chunks are one body, with extensions and trailers too', async () => {
    const server = await besiege();
    const json = JSON.stringify({ inputs: [goodInput] });
    const body = `${json}${' '.repeat(100_000 - json.length)}`;
    const extensions = ['', ';name=value', ';a="b c"'];
    const chunks = Array.from(body, (byte, index) => `1${extensions[index % 3]}\r\n${byte}\r\n`).join('');
    const request = `${chunkedHead}\r\n${chunks}0\r\nx-trailer: 1\r\n\r\n`;
    const { answers } = await exchange(server.port, request);
    expect(answers.map(({ status }) => status)).toEqual([200]);
    await server.stillAnswers();
  });

  it('of one-byte chunks take about the memory of their bytes', async () => {
    const server = await besiege();
    const socket = await openSocket(server.port);
    socket.write(`${chunkedHead}\r\n`);
    const thousand = Buffer.from('1\r\n \r\n'.repeat(1_000));
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 500; count += 1) {
      if (!socket.write(thousand)) await once(socket, 'drain');
    }
    // Half a million of them; as a list of buffers they would be some hundred bytes each.
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * MiB);
    socket.destroy();
    await server.stillAnswers();
  });

  it('of chunks that never fit end the connection', async () => {
    const server = await besiege(short);
    for (const [rest, statuses] of [
      ['fffffffffffff\r\nabc', [408]],
      [`1;${'e'.repeat(100_000)}`, [400, 413]],
      [`0\r\nx: ${'t'.repeat(100_000)}\r\n\r\n`, [400, 431]],
    ] as const) {
      const { answers, isEnded } = await exchange(server.port, `${chunkedHead}\r\n${rest}`);
      expect(isEnded).toBe(true);
      for (const { status } of answers) expect(statuses).toContain(status);
    }
    await server.stillAnswers();
  });

  it('of connections: those beyond the limit are hung up on, and the others go on', async () => {
    const server = await besiege({ connectionsMax: 20 });
    const idle = await Promise.all(Array.from({ length: 20 }, () => openSocket(server.port)));
    await vi.waitFor(async () => {
      const late = await openSocket(server.port);
      await Promise.race([
        once(late.resume(), 'close'),
        sleep(500).then(() => expect.fail('it was let in')),
      ]).finally(() => late.destroy());
    }, patienceMs);
    const [first, second] = idle;
    first?.write('GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n');
    const [bytes] = (await once(first as NonNullable<typeof first>, 'data')) as [Buffer];
    expect(bytes.toString()).toContain('200 OK');
    // One that leaves makes room for another.
    second?.destroy();
    await vi.waitFor(() => server.stillAnswers(), patienceMs);
    for (const socket of idle) socket.destroy();
  });

  it('of bodies: those that there is no memory for are refused', async () => {
    const server = await besiege({ heldBytesMax: MiB });
    const start = `POST ${inferPath} HTTP/1.1\r\nhost: x\r\ncontent-length: ${600 * 1024}\r\n\r\nabc`;
    const first = await openSocket(server.port);
    first.write(start);
    const refused = await vi.waitFor(async () => {
      const answer = await exchange(server.port, start);
      expect(answer.answers.map(({ status, code }) => [status, code])).toEqual([[429, 'queue_full']]);
      return answer;
    }, patienceMs);
    expect(Number(refused.answers[0]?.headers['retry-after'])).toBeGreaterThan(0);
    // Small ones still have room.
    await server.stillAnswers();
    first.destroy();
    const filled = postOf(inferPath, Buffer.alloc(600 * 1024, 32));
    await vi.waitFor(async () => {
      const { answers } = await exchange(server.port, filled, { answers: 1 });
      expect(answers[0]?.code).toBe('invalid_json');
    }, patienceMs);
    await server.stillAnswers();
  });
});

describe('slow clients', () => {
  it('that let headers or a body drip are hung up on with 408', async () => {
    const server = await besiege(short);
    const starts = [
      'GET /v2 HTTP/1.1\r\nhost: x\r\nx-slow: ',
      `POST ${inferPath} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n`,
      `${chunkedHead}\r\n3e8\r\n`,
    ];
    const answers = await Promise.all(starts.map((start) => drip(server.port, start)));
    for (const answer of answers) expect(answer).toContain('"code":"request_timeout"');
    await server.stillAnswers();
  });

  it('that take nothing of an answer are cut', async () => {
    const server = await besiege({ unreadMs: 300 });
    await server.deploy('identity', { model: identityModel(['INT8']) });
    const bytes = 24 * MiB;
    const json = JSON.stringify({
      inputs: [
        {
          name: 'in_int8',
          shape: [bytes / 3, 3],
          datatype: 'INT8',
          parameters: { binary_data_size: bytes },
        },
      ],
      parameters: { binary_data_output: true },
    });
    const before = socketCount();
    const socket = await openSocket(server.port);
    socket.pause();
    socket.write(
      postOf('/v2/models/identity/infer', Buffer.concat([Buffer.from(json), Buffer.alloc(bytes)]), [
        `inference-header-content-length: ${json.length}`,
      ]),
    );
    // The server's end: this socket notices nothing as long as it does not read.
    await vi.waitFor(() => expect(socketCount()).toBe(before + 2), patienceMs);
    await vi.waitFor(() => expect(socketCount()).toBe(before + 1), patienceMs);
    socket.destroy();
    await server.stillAnswers();
  });

  it('that end their side early get an answer or the end of the connection', async () => {
    const server = await besiege();
    const whole = postOf(inferPath, JSON.stringify({ inputs: [goodInput] }));
    for (const request of [whole, whole.subarray(0, 200), Buffer.from('GET /v2 HT'), Buffer.alloc(0)]) {
      const { answers, isEnded } = await exchange(server.port, request, { isHalfClosed: true });
      expect(isEnded).toBe(true);
      for (const { status } of answers) expect([200, 400]).toContain(status);
    }
    await server.stillAnswers();
  });
});

describe('clients that leave', () => {
  it('in the middle of headers, body and answer take nothing along', async () => {
    const server = await besiege();
    const whole = postOf(inferPath, JSON.stringify({ inputs: [goodInput] }));
    for (let length = 0; length <= whole.length; length += Math.ceil(whole.length / 40)) {
      const socket = await openSocket(server.port);
      socket.write(whole.subarray(0, length));
      if (length % 2 === 0) await sleep(2);
      if (length % 3 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    await server.stillAnswers();
  });

  it('with answers still in line give back their work', async () => {
    const server = await besiege();
    await server.deploy('busy', { model: busyModel() });
    const slow = postOf('/api/v1/service/busy/score', JSON.stringify({ size: [1_400, 1_400] }));
    const socket = await openSocket(server.port);
    socket.write(Buffer.concat(Array(8).fill(slow)));
    await waitsFor(server, 6);
    socket.destroy();
    const { success, fail } = await vi.waitFor(async () => {
      const counts = await countsOf(server, 'busy');
      expect(counts.success.count + counts.fail.count).toBe(8);
      return counts;
    }, patienceMs);
    // The one that ran, and one that may have begun meanwhile.
    expect(success.count).toBeLessThan(3);
    expect(fail.count).toBeGreaterThan(5);
    await server.stillAnswers();
  });
});

/** Sends a byte every now and then; gives what came until the connection ended. */
async function drip(port: number, start: string): Promise<string> {
  const socket = await openSocket(port);
  let seen = '';
  socket.on('data', (bytes: Buffer) => {
    seen += bytes.toString();
  });
  const closed = once(socket, 'close');
  socket.write(start);
  const timer = setInterval(() => socket.write('a'), 20);
  await closed.finally(() => clearInterval(timer));
  return seen;
}

async function countsOf(server: Besieged, name: string): Promise<Counts> {
  const { json } = await server.get(`/v2/models/${name}/stats`);
  return (json as { model_stats: [{ inference_stats: Counts }] }).model_stats[0].inference_stats;
}

type Counts = Record<'success' | 'fail', { count: number }>;

/** Waits until so many requests run or wait. */
function waitsFor(server: Besieged, count: number): Promise<void> {
  const cpu = server.deployments.get('busy')?.router.engines[0] as Engine;
  const seen = cpu.expectedMs();
  return vi.waitFor(() => expect(cpu.expectedMs() / seen).toBeGreaterThan(count), patienceMs);
}
