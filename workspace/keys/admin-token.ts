import { readFile } from 'node:fs/promises';
import { isNotFound, writeFileDurably } from '../../base/durable-files.ts';
import { SluiceError } from '../../contract/errors.ts';
import { makeToken } from './tokens.ts';

/** Reads the administrator's token; makes it, readable by the owner alone, at the first start. */
export async function loadAdminToken(path: string): Promise<string> {
  try {
    const token = (await readFile(path, 'utf8')).trim();
    if (/^[A-Za-z0-9_-]{43,}$/.test(token)) return token;
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
    const token = makeToken();
    await writeFileDurably(path, `${token}\n`, { mode: 0o600 });
    return token;
  }
  throw new SluiceError(
    'state_invalid',
    `${path}: holds no token; remove the file to have a new one made at the next start`,
  );
}
