import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { keyIdOf } from '../../base/dsse.ts';
import { isNotFound, writeFileDurably } from '../../base/durable-files.ts';
import { SluiceError } from '../../contract/errors.ts';

/** The key that signs images and desired documents. */
export interface SigningKey {
  key: KeyObject;
  /** Public keys by key id, SPKI PEM: what devices trust. */
  trustedKeys: Record<string, string>;
}

/** Reads the Ed25519 key (PKCS #8, PEM); makes it, readable by the owner alone, at the first start. */
export async function loadSigningKey(path: string): Promise<SigningKey> {
  const key = await readOrMake(path);
  const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  return { key, trustedKeys: { [keyIdOf(key)]: pem } };
}

async function readOrMake(path: string): Promise<KeyObject> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFileDurably(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    return privateKey;
  }
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (thrown) {
    throw unusable(path, thrown);
  }
  throw unusable(path);
}

function unusable(path: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'state_invalid',
    `${path}: not an Ed25519 private key; restore it from a backup, because devices trust no other`,
    { cause },
  );
}
