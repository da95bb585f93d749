import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { afterAll, describe, expect, it } from 'vitest';
import type { TlsSettings } from '../../agent/scoring/listener-settings.ts';
import { type CertificateFiles, hasOpenssl, makeAuthority } from '../support/certificates.ts';
import { startForked } from '../support/forked-scoring.ts';
import { grpcClient, type LocalGrpc, startGrpc } from '../support/local-grpc.ts';
import { startScoring } from '../support/local-scoring.ts';
import { temporaryFolder } from '../support/paths.ts';

/** Long enough for a client to give up on a server that does not take it. */
const soon = { deadlineMs: 2_000 };

describe.skipIf(!hasOpenssl())('gRPC with TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-grpc-tls-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const authority = makeAuthority(folder);
  const ca = readFileSync(authority.caFile);
  const server = authority.issue('server');
  const channel = (own?: CertificateFiles): ChannelCredentials =>
    own === undefined
      ? credentials.createSsl(ca)
      : credentials.createSsl(ca, readFileSync(own.keyFile), readFileSync(own.certificateFile));

  async function start(
    tls: TlsSettings,
    own?: CertificateFiles,
    limits: Parameters<typeof startGrpc>[1] = {},
  ): Promise<LocalGrpc> {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    return startGrpc(scoring, { ...limits, listeners: { tls }, credentials: channel(own) });
  }

  /** The name on the certificate that a new connection is shown. */
  function nameAt(port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca, ALPNProtocols: ['h2'] }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.once('error', reject);
    });
  }

  it('speaks nothing else on the port, and stops with a handshake under way', async () => {
    const grpc = await start(server, undefined, { limits: { stopMs: 200 } });
    const pixels = Buffer.alloc(784 * 4);
    const input = { name: 'input', shape: [1, 784], datatype: 'FP32' };
    const request = { model_name: 'fashion', inputs: [input], raw_input_contents: [pixels] };
    expect((await grpc.call('ModelInfer', request)).status).toBe('OK');
    const plain = await grpcClient(grpc.port).call('ServerLive', {}, soon);
    expect(['UNAVAILABLE', 'DEADLINE_EXCEEDED']).toContain(plain.status);
    const stuck = connect({ host: '127.0.0.1', port: grpc.port });
    const hungUp = new Promise((resolve) => stuck.once('close', resolve));
    await new Promise((resolve) => stuck.once('connect', resolve));
    await expect.poll(async () => (await grpc.call('ServerLive')).status).toBe('OK');
    await grpc.server.stop();
    stuck.resume();
    await hungUp;
  });

  it('is what the scoring process speaks that HTTP would have it of, also without a port of HTTP', async () => {
    const listeners = { tls: server };
    const scoring = await startForked({ npu: null, port: null, listeners, endpoint: { grpcPort: 0 } });
    const { port, grpcPort = 0 } = await scoring.next('listening');
    expect(port).toBeNull();
    expect((await grpcClient(grpcPort, channel()).call('ServerLive')).status).toBe('OK');
    expect((await grpcClient(grpcPort).call('ServerLive', {}, soon)).status).not.toBe('OK');
    const nowhere = await startForked({ npu: null, port: null, listeners });
    expect((await nowhere.next('failed')).error.code).toBe('usage');
  });

  it('takes a renewed certificate without a restart, and leaves open connections alone', async () => {
    const own = temporaryFolder();
    const files = { certificateFile: join(own, 'certificate.pem'), keyFile: join(own, 'key.pem') };
    const install = async (from: CertificateFiles): Promise<void> => {
      await copyFile(from.keyFile, files.keyFile);
      await copyFile(from.certificateFile, files.certificateFile);
    };
    await install(server);
    const grpc = await start(files, undefined, { limits: { tlsPollMs: 20 } });
    expect((await grpc.call('ServerLive')).status).toBe('OK');
    expect(await nameAt(grpc.port)).toBe('server');
    writeFileSync(files.certificateFile, 'half');
    await install(authority.issue('renewed'));
    await expect.poll(() => nameAt(grpc.port), { timeout: 5_000 }).toBe('renewed');
    expect((await grpc.call('ServerLive')).status).toBe('OK');
    await expect(start({ ...files, keyFile: server.keyFile })).rejects.toMatchObject({ code: 'usage' });
  });

  it('lets in only clients of the authority it is given', async () => {
    const tls = { ...server, clientCaFile: authority.caFile };
    const grpc = await start(tls, authority.issue('client'));
    expect((await grpc.call('ServerLive')).status).toBe('OK');
    const stranger = makeAuthority(temporaryFolder()).issue('client');
    for (const own of [undefined, stranger]) {
      const refused = await grpcClient(grpc.port, channel(own)).call('ServerLive', {}, soon);
      expect(['UNAVAILABLE', 'DEADLINE_EXCEEDED']).toContain(refused.status);
    }
  });
});
