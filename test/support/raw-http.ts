import { connect, type Socket } from 'node:net';

/** One answer as it came over the wire. */
export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  /** `code` of an error's body. */
  code: string | undefined;
}

/** What a connection gave until the server ended it, or until enough answers were there. */
export interface Exchange {
  answers: RawAnswer[];
  /** The server ended the connection. */
  isEnded: boolean;
}

interface ExchangeOptions {
  /** Ends once so many answers have come; without it, once the server ends the connection. */
  answers?: number;
  /** The client's side is ended behind the last byte. */
  isHalfClosed?: boolean;
}

const endBytes = Buffer.from('\r\n\r\n');

/** Sends bytes as they are. Rejects when neither answers nor an end come within twenty seconds. */
export async function exchange(
  port: number,
  request: string | Uint8Array,
  options: ExchangeOptions = {},
): Promise<Exchange> {
  const socket = connect({ port, host: '127.0.0.1' });
  const received: Buffer[] = [];
  socket.write(request);
  if (options.isHalfClosed === true) socket.end();
  try {
    return await new Promise<Exchange>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing came for ${brief(request)}`)), 20_000);
      const settle = (isEnded: boolean): void => {
        clearTimeout(timer);
        resolve({ answers: readAnswers(Buffer.concat(received)), isEnded });
      };
      socket.on('data', (bytes: Buffer) => {
        received.push(bytes);
        const wanted = options.answers;
        if (wanted !== undefined && readAnswers(Buffer.concat(received)).length >= wanted) settle(false);
      });
      socket.on('end', () => settle(true));
      // A server that cuts the connection while more bytes come answers them with a reset.
      socket.on('error', () => settle(true));
      socket.on('close', () => settle(true));
    });
  } finally {
    socket.destroy();
  }
}

/** A connection that sends nothing by itself; gives the socket once it is open. */
export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** A whole request with a body and its length. */
export function postOf(path: string, body: string | Uint8Array, headers: readonly string[] = []): Buffer {
  const bytes = Buffer.from(body as string);
  const lines = [`POST ${path} HTTP/1.1`, 'host: x', `content-length: ${bytes.length}`, ...headers];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]);
}

function readAnswers(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf(endBytes);
    if (end < 0) return answers;
    const [line = '', ...fields] = rest.toString('latin1', 0, end).split('\r\n');
    const headers = Object.fromEntries(
      fields.map((field) => [field.split(':')[0]?.toLowerCase() ?? '', field.replace(/^[^:]*: ?/, '')]),
    );
    const start = end + endBytes.length;
    const length = Number(headers['content-length'] ?? 0);
    if (rest.length < start + length) return answers;
    const body = rest.subarray(start, start + length);
    answers.push({ status: Number(line.split(' ')[1]), headers, body, code: codeOf(headers, body) });
    rest = rest.subarray(start + length);
  }
}

function codeOf(headers: Record<string, string>, body: Buffer): string | undefined {
  if (headers['content-type']?.startsWith('application/json') !== true) return undefined;
  return (JSON.parse(body.toString()) as { code?: string }).code;
}

function brief(request: string | Uint8Array): string {
  return JSON.stringify(Buffer.from(request as string).toString('latin1', 0, 80));
}
