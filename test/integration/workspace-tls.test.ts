import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/paths.ts';
import { startWorkspace } from '../support/workspace-fixture.ts';

/** A self-signed certificate for 127.0.0.1; undefined where openssl is not installed. */
function makeCertificate(): { certificateFile: string; keyFile: string } | undefined {
  const folder = temporaryFolder();
  const files = { certificateFile: join(folder, 'certificate.pem'), keyFile: join(folder, 'key.pem') };
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', files.keyFile];
  try {
    execFileSync(
      'openssl',
      ['req', '-x509', '-days', '2', ...key, '-out', files.certificateFile, ...subject],
      {
        stdio: 'ignore',
      },
    );
    return files;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
}

function getStatus(url: string, ca: Buffer): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ca }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    call.on('error', reject);
    call.end();
  });
}

describe('a workspace with a certificate', () => {
  it('speaks TLS, and nothing else, on both listeners, also off loopback', async (context) => {
    const tls = makeCertificate();
    if (tls === undefined) {
      process.emitWarning('openssl is not installed, so TLS is not tested; apt-get install openssl');
      return context.skip();
    }
    const ca = await readFile(tls.certificateFile);
    const workspace = await startWorkspace({ tls, host: '0.0.0.0', publicHost: '127.0.0.1' });
    expect(workspace.addresses.apiUrl).toMatch(/^https:\/\/127\.0\.0\.1:/);
    expect(workspace.addresses.mqttUrl).toMatch(/^mqtts:\/\/127\.0\.0\.1:/);
    expect(await getStatus(`${workspace.addresses.apiUrl}/api/v1/health`, ca)).toBe(200);
    const wrong = { username: 'one', clientId: 'one', password: 'wrong' };
    await expect(workspace.connect('one', 'wrong', { ca })).rejects.toMatchObject({ code: 4 });
    await expect(workspace.connect('one', 'wrong', wrong)).rejects.toMatchObject({
      code: expect.stringContaining('SELF_SIGNED'),
    });
    await expect(fetch(workspace.addresses.apiUrl.replace('https', 'http'))).rejects.toThrow();
  });
});
