import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { socketPathBytesMax } from '../../agent/scoring/unix-socket.ts';
import { type CertificateFiles, hasOpenssl, makeAuthority } from '../support/certificates.ts';
import { startScoring } from '../support/local-scoring.ts';
import { temporaryFolder } from '../support/paths.ts';

type Options = RequestOptions & { ca?: Buffer; cert?: Buffer; key?: Buffer; body?: string };

/** An answer, and the name on the certificate of who gave it. */
async function call(options: Options): Promise<{ status?: number; text: string; peer?: string }> {
  const { body, ...rest } = options;
  const isTls = options.ca !== undefined;
  const pending = (isTls ? httpsRequest : httpRequest)({ host: '127.0.0.1', agent: false, ...rest }).end(
    body,
  );
  const [response] = await once(pending, 'response');
  const peer = isTls ? (response.socket as TLSSocket).getPeerCertificate().subject.CN : undefined;
  let text = '';
  for await (const piece of response) text += piece;
  return { status: response.statusCode, text, ...(peer === undefined ? {} : { peer: String(peer) }) };
}

/** What comes back for bytes as they are, until the other side ends. */
async function exchange(
  where: { path: string } | { port: number; host: string },
  bytes: string,
): Promise<string> {
  const socket = connect(where);
  let answer = '';
  socket.on('data', (piece: Buffer) => {
    answer += piece.toString();
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

const quick = { hangUpMs: 100, headersTimeoutMs: 200, requestTimeoutMs: 300, connectionCheckMs: 50 };
const socketAt = (path: string) => ({ socket: { path, mode: 0o660 } });

describe('a Unix-domain socket', () => {
  it('answers every dialect beside TCP, and takes its file along when it stops', async () => {
    const path = join(temporaryFolder(), 'scoring.sock');
    const scoring = await startScoring({ listeners: socketAt(path) });
    await scoring.deploy('fashion');
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect((await scoring.get('/v2/health/ready')).status).toBe(200);
    for (const url of ['/', '/v2/models/fashion/ready', '/v1/models/fashion', '/swagger.json']) {
      expect([url, (await call({ socketPath: path, path: url })).status]).toEqual([url, 200]);
    }
    const body = JSON.stringify({ input: [Array(784).fill(0)] });
    const viaSocket = await call({ socketPath: path, path: '/score', method: 'POST', body });
    expect([viaSocket.status, viaSocket.text]).toEqual([200, (await scoring.post('/score', body)).text]);
    await scoring.stop();
    expect(existsSync(path)).toBe(false);
  });

  it('has the limits of TCP', async () => {
    const path = join(temporaryFolder(), 'scoring.sock');
    await startScoring({ listeners: socketAt(path), limits: quick });
    expect(await exchange({ path }, 'hello\r\n\r\n')).toContain('"code":"invalid_request"');
    expect(await exchange({ path }, 'GET /v2 HTTP/1.1\r\nHo')).toContain('"code":"request_timeout"');
    const expectation = 'GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: miracles\r\n\r\n';
    expect(await exchange({ path }, expectation)).toContain('"code":"invalid_request"');
  });

  it('takes the place of a process that was killed, and of no other', async () => {
    const path = join(temporaryFolder(), 'scoring.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await expect(startScoring({ listeners: socketAt(path) })).rejects.toMatchObject({ code: 'port_in_use' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(path)).toBe(true);
    await startScoring({ listeners: socketAt(path) });
    expect((await call({ socketPath: path, path: '/v2' })).status).toBe(200);
  });

  it.each([
    ['a path that is too long', (folder: string) => join(folder, 'x'.repeat(socketPathBytesMax))],
    ['a folder that is missing', (folder: string) => join(folder, 'none', 'scoring.sock')],
    [
      'a file of another kind',
      (folder: string) => {
        writeFileSync(join(folder, 'file'), 'kept');
        return join(folder, 'file');
      },
    ],
  ])('refuses %s', async (_what, makePath) => {
    const path = makePath(temporaryFolder());
    await expect(startScoring({ listeners: socketAt(path) })).rejects.toMatchObject({ code: 'usage' });
    if (path.endsWith('file')) expect(readFileSync(path, 'utf8')).toBe('kept');
  });
});

describe.skipIf(!hasOpenssl())('TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const authority = makeAuthority(folder);
  const ca = readFileSync(authority.caFile);
  const server = authority.issue('server');
  const pem = ({ certificateFile, keyFile }: CertificateFiles) => ({
    cert: readFileSync(certificateFile),
    key: readFileSync(keyFile),
  });

  it('speaks nothing else on the port, keeps its limits, and stops with a handshake under way', async () => {
    const limits = { ...quick, handshakeMs: 400, stopMs: 100 };
    const scoring = await startScoring({ listeners: { tls: server }, limits });
    const where = { port: scoring.port, host: '127.0.0.1' };
    // The limits may be shorter than a stall of the machine.
    const answered = () =>
      vi.waitFor(async () => {
        expect(await call({ ...where, ca, path: '/v2' })).toMatchObject({ status: 200, peer: 'server' });
      }, 20_000);
    await answered();
    expect(await exchange(where, 'GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n')).not.toContain('HTTP/1.1');
    // Says nothing, and is hung up on.
    expect(await exchange(where, '')).toBe('');
    const old = connectTls({ ...where, ca, maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await expect(once(old, 'secureConnect')).rejects.toThrow();
    const slow = connectTls({ ...where, ca });
    slow.write('GET /v2 HTTP/1.1\r\nHo');
    expect(String((await once(slow, 'data'))[0])).toContain(' 408 ');
    await answered();
    const stuck = connect(where);
    await once(stuck, 'connect');
    await scoring.stop();
    stuck.destroy();
  });

  it('takes a renewed certificate without a restart, and leaves open connections alone', async () => {
    const folder = temporaryFolder();
    const files = { certificateFile: join(folder, 'certificate.pem'), keyFile: join(folder, 'key.pem') };
    const install = async (from: CertificateFiles): Promise<void> => {
      await copyFile(from.keyFile, files.keyFile);
      await copyFile(from.certificateFile, files.certificateFile);
    };
    await install(server);
    const scoring = await startScoring({ listeners: { tls: files }, limits: { tlsPollMs: 20 } });
    const where = { port: scoring.port, path: '/v2', ca };
    const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    expect((await call({ ...where, agent })).peer).toBe('server');
    // A file that is half written is passed over.
    writeFileSync(files.certificateFile, 'half');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect((await call(where)).peer).toBe('server');
    await install(authority.issue('renewed'));
    await expect.poll(async () => (await call(where)).peer, { timeout: 5_000 }).toBe('renewed');
    const kept = await call({ ...where, agent });
    expect([kept.status, kept.peer]).toEqual([200, 'server']);
  });

  it('lets in only clients of the authority it is given', async () => {
    const path = join(temporaryFolder(), 'scoring.sock');
    const tls = { ...server, clientCaFile: authority.caFile };
    const scoring = await startScoring({ listeners: { tls, ...socketAt(path) } });
    const where = { port: scoring.port, path: '/v2', ca };
    expect((await call({ ...where, ...pem(authority.issue('client')) })).status).toBe(200);
    await expect(call(where)).rejects.toThrow();
    await expect(
      call({ ...where, ...pem(makeAuthority(temporaryFolder()).issue('client')) }),
    ).rejects.toThrow();
    // The socket is guarded by its file's permissions instead.
    expect((await call({ socketPath: path, path: '/v2' })).status).toBe(200);
  });

  it.each([
    [
      'a certificate that is missing',
      () => ({ ...server, certificateFile: join(temporaryFolder(), 'none') }),
    ],
    ['a key of another certificate', () => ({ ...server, keyFile: authority.issue('other').keyFile })],
    ['a certificate that is none', () => ({ ...server, certificateFile: server.keyFile })],
    ['a key that is none', () => ({ ...server, keyFile: server.certificateFile })],
    ['an authority that is none', () => ({ ...server, clientCaFile: server.keyFile })],
  ])('refuses %s, and listens nowhere', async (_what, makeFiles) => {
    const path = join(temporaryFolder(), 'scoring.sock');
    const listeners = { tls: makeFiles(), ...socketAt(path) };
    await expect(startScoring({ listeners })).rejects.toMatchObject({ code: 'usage' });
    expect(existsSync(path)).toBe(false);
  });
});

describe('a TCP port', () => {
  it('that is taken takes the socket down with it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const path = join(temporaryFolder(), 'scoring.sock');
    const { port } = other.address() as { port: number };
    await expect(startScoring({ port, listeners: socketAt(path) })).rejects.toMatchObject({
      code: 'port_in_use',
    });
    expect(existsSync(path)).toBe(false);
  });
});
