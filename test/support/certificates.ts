import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** PEM files of a certificate and its key. */
export interface CertificateFiles {
  certificateFile: string;
  keyFile: string;
}

/** An authority that signs certificates for a test. */
export interface TestAuthority {
  /** PEM file of its own certificate. */
  caFile: string;
  /** A new certificate for 127.0.0.1 with that common name. */
  issue(name: string): CertificateFiles;
}

/** Whether certificates can be made here; says loudly when not. */
export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('SKIPPED: TLS; openssl is not installed (apt-get install openssl)\n');
    return false;
  }
}

/** Makes an authority whose files are in a folder. */
export function makeAuthority(folder: string): TestAuthority {
  const caFile = join(folder, 'ca.pem');
  const caKeyFile = join(folder, 'ca-key.pem');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl([
    'req',
    '-x509',
    '-days',
    '2',
    ...key,
    '-keyout',
    caKeyFile,
    '-out',
    caFile,
    '-subj',
    '/CN=authority',
  ]);
  let count = 0;
  return {
    caFile,
    issue: (name) => {
      count += 1;
      const file = (kind: string): string => join(folder, `${count}-${kind}`);
      const [certificateFile, keyFile, request, extensions] = [
        file('certificate.pem'),
        file('key.pem'),
        file('request.pem'),
        file('extensions'),
      ];
      writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1\n');
      openssl(['req', ...key, '-keyout', keyFile, '-out', request, '-subj', `/CN=${name}`]);
      const signing = ['-CA', caFile, '-CAkey', caKeyFile, '-set_serial', String(count), '-days', '2'];
      openssl(['x509', '-req', '-in', request, ...signing, '-extfile', extensions, '-out', certificateFile]);
      return { certificateFile, keyFile };
    },
  };
}

function openssl(parameters: string[]): void {
  execFileSync('openssl', parameters, { stdio: 'ignore' });
}
