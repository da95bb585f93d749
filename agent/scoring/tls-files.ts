import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Logger } from '../../base/logger.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { TlsSettings } from './listener-settings.ts';

/** PEM bytes of a listener, as Node's servers take them. */
export interface TlsMaterial {
  cert: Buffer;
  key: Buffer;
  /** Authorities of clients. */
  ca?: Buffer;
}

/** A file of certificates or of a key is refused beyond this. */
const tlsFileBytesMax = 1 << 20;

/** Reads and checks the files of a TLS listener. Throws `usage`, which names the file and what is wrong with it. */
async function readTlsFiles(files: TlsSettings): Promise<TlsMaterial> {
  const material = await readMaterial(files);
  checkMaterial(files, material);
  return material;
}

async function readMaterial({ certificateFile, keyFile, clientCaFile }: TlsSettings): Promise<TlsMaterial> {
  const [cert, key, ca] = await Promise.all([
    readPem(certificateFile),
    readPem(keyFile),
    clientCaFile === undefined ? undefined : readPem(clientCaFile),
  ]);
  return { cert, key, ...(ca === undefined ? {} : { ca }) };
}

async function readPem(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size <= tlsFileBytesMax) return await readFile(path);
  } catch (thrown) {
    throw new SluiceError('usage', `TLS: ${toSluiceError(thrown).message}`, { cause: thrown });
  }
  throw new SluiceError('usage', `TLS: ${path} is larger than ${tlsFileBytesMax} bytes`);
}

function checkMaterial(files: TlsSettings, material: TlsMaterial): void {
  const [certificate] = parseCertificates(files.certificateFile, material.cert);
  const key = parseKey(files.keyFile, material.key);
  if (certificate?.checkPrivateKey(key) !== true) {
    throw new SluiceError(
      'usage',
      `TLS: the key in ${files.keyFile} is not that of the first certificate in ${files.certificateFile}`,
    );
  }
  if (files.clientCaFile !== undefined && material.ca !== undefined) {
    parseCertificates(files.clientCaFile, material.ca);
  }
  try {
    createSecureContext(material);
  } catch (thrown) {
    const reason = toSluiceError(thrown).message;
    throw new SluiceError('usage', `TLS: ${files.certificateFile}: not accepted (${reason})`, {
      cause: thrown,
    });
  }
}

/** Every certificate of a file. OpenSSL would pass over what it cannot read, and trust fewer than meant. */
function parseCertificates(path: string, pem: Buffer): X509Certificate[] {
  const blocks = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (blocks === null) throw new SluiceError('usage', `TLS: ${path}: no certificate in PEM form`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (thrown) {
    throw new SluiceError('usage', `TLS: ${path}: a certificate in it is malformed`, { cause: thrown });
  }
}

function parseKey(path: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (thrown) {
    throw new SluiceError('usage', `TLS: ${path}: no private key in PEM form without a password`, {
      cause: thrown,
    });
  }
}

/** What keeps the files of a listener. */
export interface TlsFilesOptions {
  files: TlsSettings;
  /** How often the files are looked at. */
  pollMs: number;
  log: Logger;
}

/**
 * The files of a TLS listener, read again when they change, so that a renewed certificate costs no restart. They are
 * read rather than watched: tools renew by renaming files or folders, which watches lose. A set that does not fit
 * together, such as a new certificate whose key is still on its way, changes nothing.
 */
export class TlsFiles {
  readonly #options: TlsFilesOptions;
  readonly #listeners: ((material: TlsMaterial) => void)[] = [];
  #current: TlsMaterial | undefined;
  /** Why the files of the last look were refused; each reason is told once. */
  #refusal: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TlsFilesOptions) {
    this.#options = options;
  }

  /** Reads the files. Throws `usage`. */
  async start(): Promise<TlsMaterial> {
    const material = await readTlsFiles(this.#options.files);
    this.#current = material;
    this.#timer = setInterval(() => void this.#look(), this.#options.pollMs).unref();
    return material;
  }

  /** Tells of every later change. */
  onChange(listener: (material: TlsMaterial) => void): void {
    this.#listeners.push(listener);
  }

  /** Looks no more. Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { files, log } = this.#options;
    try {
      const material = await readMaterial(files);
      if (this.#current !== undefined && isSame(this.#current, material)) return;
      checkMaterial(files, material);
      this.#current = material;
      this.#refusal = undefined;
      for (const listener of this.#listeners) listener(material);
      const { validTo } = new X509Certificate(material.cert);
      log.info({ certificateFile: files.certificateFile, validTo }, 'TLS: the certificate was renewed');
    } catch (thrown) {
      const { code, message } = toSluiceError(thrown);
      if (this.#refusal === message) return;
      this.#refusal = message;
      log.warn({ code }, `${message}; going on with the certificate in use`);
    }
  }
}

function isSame(left: TlsMaterial, right: TlsMaterial): boolean {
  const isSameCa = left.ca === undefined ? right.ca === undefined : right.ca?.equals(left.ca) === true;
  return isSameCa && left.cert.equals(right.cert) && left.key.equals(right.key);
}
