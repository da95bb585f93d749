import { promisify } from 'node:util';
import { gunzip, inflate, type ZlibOptions } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { BudgetShare, ByteBudget } from './byte-budget.ts';
import { onRequest } from './on-request.ts';
import { singleHeader } from './request-context.ts';
import { whenOver } from './when-over.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Memory for the decompressed body, of a request whose body is compressed. */
    inflation: BudgetShare | null;
    /** The body as `readBody` gave it; null until then. */
    plainBody: Uint8Array | null;
  }
}

const empty = new Uint8Array();
/** No deflated byte becomes more than so many (zlib's technical details, maximum compression factor). */
const inflationMax = 1032;

/** Bounds what compressed bodies may take together, from before they are decompressed until they are answered. */
export function boundInflation(app: FastifyInstance): void {
  const { inflatedBytesMax: bytesMax, inflatingRequestsMax: waitingMax } = limits;
  const budget = new ByteBudget({ bytesMax, waitingMax });
  app.decorateRequest('inflation', null);
  app.decorateRequest('plainBody', null);
  onRequest(app, (request, reply) => {
    if (request.headers['content-encoding'] === undefined) return;
    const share = new BudgetShare(budget);
    request.inflation = share;
    whenOver(reply, () => share.end());
  });
}

type Decompress = (bytes: Uint8Array, options: ZlibOptions) => Promise<Buffer>;

/** Content codings of RFC 9110 section 8.4.1; "deflate" is the zlib format. */
const codings = new Map<string, Decompress>([
  ['gzip', promisify<Uint8Array, ZlibOptions, Buffer>(gunzip)],
  ['x-gzip', promisify<Uint8Array, ZlibOptions, Buffer>(gunzip)],
  ['deflate', promisify<Uint8Array, ZlibOptions, Buffer>(inflate)],
]);

/**
 * The body's bytes, whatever its content type, decompressed as its content encoding says; none when there is no
 * body. Throws `content_encoding`, and `body_too_large` for one that is too large when decompressed.
 */
export async function readBody(request: FastifyRequest): Promise<Uint8Array> {
  const body = await decompressed(request);
  request.plainBody = body;
  return body;
}

async function decompressed(request: FastifyRequest): Promise<Uint8Array> {
  const body = request.body instanceof Uint8Array ? request.body : empty;
  const coding = singleHeader(request, 'content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (coding === 'identity' || coding === '') return body;
  const decompress = codings.get(coding);
  if (decompress === undefined) {
    throw new SluiceError(
      'content_encoding',
      `header content-encoding: ${JSON.stringify(coding.slice(0, 40))}; gzip or deflate expected`,
    );
  }
  await request.inflation?.take(Math.min(body.length * inflationMax, limits.scoringBodyBytesMax));
  try {
    const whole = await decompress(body, { maxOutputLength: limits.scoringBodyBytesMax });
    request.inflation?.shrink(whole.length);
    return whole;
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') {
      const text = `body: larger than ${limits.scoringBodyBytesMax} bytes when decompressed`;
      throw new SluiceError('body_too_large', text, { cause: thrown });
    }
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('content_encoding', `body: is no whole ${coding} (${reason})`, { cause: thrown });
  }
}

/** Bytes as JSON. Throws `invalid_json` with the parser's reason. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (thrown) {
    const reason =
      bytes.length === 0 ? 'it is empty' : thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('invalid_json', `body: not JSON (${reason})`, { cause: thrown });
  }
}
