import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { parserOf } from '../../base/validate.ts';
import { SluiceError } from '../../contract/errors.ts';
import { DeviceBootstrap } from '../../contract/workspace-api.ts';

const bootstrapParser = parserOf(DeviceBootstrap, { what: 'bootstrap', code: 'workspace_unreachable' });

/** Where and as whom to ask. */
export interface BootstrapRequest {
  workspaceUrl: string;
  device: string;
  token: string;
  /** Certificates to trust instead of the system's, PEM. */
  ca?: Buffer;
  timeoutMs: number;
  bytesMax: number;
  /** Ends the wait for an answer. */
  signal: AbortSignal;
}

/**
 * Asks the workspace how to reach the broker and whom to trust.
 * Throws `unauthorized`, `not_found`, `workspace_unreachable`, the signal's reason, or `insecure_listener` before a token would
 * cross a network in the clear.
 */
export async function fetchBootstrap(request: BootstrapRequest): Promise<DeviceBootstrap> {
  const { workspaceUrl, device } = request;
  const url = bootstrapUrl(workspaceUrl, device);
  let answer: { status: number; body: Buffer };
  try {
    answer = await getOnce(url, request);
  } catch (thrown) {
    request.signal.throwIfAborted();
    const reason = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
    throw unreachable(workspaceUrl, reason, thrown);
  }
  if (answer.status === 401 || answer.status === 403) {
    throw new SluiceError(
      'unauthorized',
      `workspace ${workspaceUrl}: it does not accept this token for device ${device}; add the device there and pass the token that it shows`,
    );
  }
  if (answer.status === 404) {
    throw new SluiceError(
      'not_found',
      `workspace ${workspaceUrl}: it does not know the device ${device}; add it with \`sluice device add ${device}\``,
    );
  }
  if (answer.status !== 200) throw unreachable(workspaceUrl, `it answered with status ${answer.status}`);
  const bootstrap = bootstrapParser.parseJson(answer.body);
  if (bootstrap.device !== device) {
    throw unreachable(workspaceUrl, `it answered for the device ${bootstrap.device}, not ${device}`);
  }
  return bootstrap;
}

/** Refuses a URL that would carry a token over a network without TLS. Throws `insecure_listener`. */
export function checkTransport(url: URL): void {
  const isSecure = url.protocol === 'https:' || url.protocol === 'mqtts:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isSecure || host === 'localhost' || host === '::1' || /^127\./.test(host)) return;
  throw new SluiceError(
    'insecure_listener',
    `${url.protocol}//${url.host}: a device's token may leave this machine over TLS only; use ${url.protocol === 'http:' ? 'https' : 'mqtts'}:// there`,
  );
}

function bootstrapUrl(workspaceUrl: string, device: string): URL {
  let url: URL;
  try {
    url = new URL(`api/v1/devices/${device}/bootstrap`, workspaceUrl.replace(/\/*$/, '/'));
  } catch (thrown) {
    throw new SluiceError(
      'usage',
      `workspace ${workspaceUrl}: not a URL; pass one like http://127.0.0.1:5080`,
      {
        cause: thrown,
      },
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new SluiceError('usage', `workspace ${workspaceUrl}: an http:// or https:// URL is expected`);
  }
  checkTransport(url);
  return url;
}

async function getOnce(url: URL, request: BootstrapRequest): Promise<{ status: number; body: Buffer }> {
  const headers = { authorization: `Bearer ${request.token}`, accept: 'application/json' };
  const signal = AbortSignal.any([AbortSignal.timeout(request.timeoutMs), request.signal]);
  const options = { headers, signal, ...(request.ca === undefined ? {} : { ca: request.ca }) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const get = url.protocol === 'https:' ? httpsGet : httpGet;
    get(url, { ...options, agent: false }, resolve).once('error', reject);
  });
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > request.bytesMax) throw new Error(`an answer of more than ${request.bytesMax} bytes`);
    pieces.push(piece);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(pieces) };
}

function unreachable(workspaceUrl: string, reason: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'workspace_unreachable',
    `workspace ${workspaceUrl}: ${reason}; start it with \`sluice workspace start\`, or check the URL`,
    { cause },
  );
}
