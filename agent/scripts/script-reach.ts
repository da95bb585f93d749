import { readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { SluiceError } from '../../contract/errors.ts';
import type { ScriptGrants } from '../../contract/image.ts';
import { brief } from '../tensors/brief.ts';
import type { ScriptQuestion, ToldAnswer, ToldValue } from './script-protocol.ts';

/** What bounds a script's reach. */
interface ReachOptions {
  grants: ScriptGrants;
  /** Of an answer or a file. */
  bytesMax: number;
  /** Questions at once. */
  openMax: number;
  timeoutMs: number;
}

/** Asks the network and the device's disk for a script, as far as its image is granted. */
export class ScriptReach {
  readonly #options: ReachOptions;
  readonly #origins: ReadonlySet<string>;

  #open = 0;

  /** Throws `manifest_invalid` for an origin that is none. */
  constructor(options: ReachOptions) {
    this.#options = options;
    this.#origins = new Set((options.grants.network ?? []).map(readOrigin));
  }

  /** Throws an error whose message is for the script. */
  async ask(question: ScriptQuestion): Promise<ToldValue> {
    const { openMax } = this.#options;
    // What comes back stands in this process's memory, which no limit of the script's thread bounds.
    if (this.#open >= openMax) {
      throw new Error(`${question.what}: ${openMax} questions are open already; wait for their answers`);
    }
    this.#open += 1;
    try {
      return await (question.what === 'fetch' ? this.#fetch(question) : this.#read(question.path));
    } finally {
      this.#open -= 1;
    }
  }

  /** Redirects are not followed, so that a granted origin cannot send a script elsewhere. */
  async #fetch({
    url,
    method,
    headers,
    body,
  }: Extract<ScriptQuestion, { what: 'fetch' }>): Promise<ToldAnswer> {
    const target = new URL(url);
    if (!this.#origins.has(target.origin)) {
      throw new Error(
        `fetch: ${target.origin} is not granted to this image${there([...this.#origins])}; grant it with --grant-network when the image is built`,
      );
    }
    const response = await fetch(target, {
      redirect: 'manual',
      method,
      headers,
      ...(body === undefined ? {} : { body: body as string }),
      signal: AbortSignal.timeout(this.#options.timeoutMs),
    });
    const bytes = await readBounded(response, this.#options.bytesMax);
    return { status: response.status, headers: Object.fromEntries(response.headers), body: bytes };
  }

  async #read(path: string): Promise<Uint8Array> {
    const { read = [] } = this.#options.grants;
    // A link inside a granted folder must not lead out of it.
    const real = await realpath(path).catch(() => path);
    const folders = await Promise.all(read.map((folder) => realpath(folder).catch(() => folder)));
    if (!isAbsolute(path) || !folders.some((folder) => isBelow(folder, real))) {
      throw new Error(
        `readFile: ${brief(path)} is not granted to this image${there(read)}; grant it with --grant-read when the image is built`,
      );
    }
    const found = await stat(real);
    // A pipe would keep a thread of the process waiting, a device never ends.
    if (!found.isFile()) throw new Error(`readFile: ${brief(path)} is no regular file`);
    const { size } = found;
    const { bytesMax } = this.#options;
    if (size > bytesMax) {
      throw new Error(`readFile: ${brief(path)} has ${size} bytes, at most ${bytesMax} are read`);
    }
    return new Uint8Array(await readFile(real));
  }
}

function readOrigin(text: string): string {
  if (URL.canParse(text)) return new URL(text).origin;
  throw new SluiceError(
    'manifest_invalid',
    `run manifest: script.grants.network: ${brief(text)} is no origin`,
  );
}

async function readBounded(response: Response, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > bytesMax) throw new Error(`fetch: the answer has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
}

function there(names: readonly string[]): string {
  return names.length === 0 ? '' : ` (granted: ${names.join(', ')})`;
}
