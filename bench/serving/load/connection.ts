import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A request in the bytes that go over the wire. */
export function requestBytes(
  path: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-length: ${body.length}\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** What came back. */
export interface Answer {
  status: number;
  bodyBytes: number;
}

const headEnd = '\r\n\r\n';

/**
 * A kept-alive HTTP/1.1 connection with one request at a time. It counts the answer's bytes and never touches
 * them, because a generator that reads bodies would measure itself.
 */
export class Connection {
  readonly #port: number;
  #socket: Socket;
  #settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  #head = '';
  #status = 0;
  /** Bytes of the body still to come; undefined while the head is read. */
  #left: number | undefined;
  #bodyBytes = 0;

  private constructor(port: number, socket: Socket) {
    this.#port = port;
    this.#socket = this.#listen(socket);
  }

  static async open(port: number): Promise<Connection> {
    return new Connection(port, await openSocket(port));
  }

  /** Sends a request; resolves when its whole answer is here. A connection that the server closed is opened anew. */
  async send(request: Uint8Array): Promise<Answer> {
    if (this.#socket.destroyed || this.#socket.readableEnded) {
      this.#socket = this.#listen(await openSocket(this.#port));
    }
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket): Socket {
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#onData(bytes));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('connection closed')));
    return socket;
  }

  #onData(bytes: Buffer): void {
    if (this.#left !== undefined) {
      this.#take(bytes.length);
      return;
    }
    this.#head += bytes.toString('latin1');
    const end = this.#head.indexOf(headEnd);
    if (end < 0) return;
    const head = this.#head.slice(0, end);
    const rest = this.#head.length - end - headEnd.length;
    this.#status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    if (length === undefined) {
      this.#fail(new Error(`answer without content-length: ${head}`));
      return;
    }
    this.#left = Number(length);
    this.#bodyBytes = this.#left;
    this.#take(rest);
  }

  #take(count: number): void {
    this.#left = (this.#left ?? 0) - count;
    if (this.#left > 0) return;
    this.#left = undefined;
    this.#head = '';
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.resolve({ status: this.#status, bodyBytes: this.#bodyBytes });
  }

  #fail(error: Error): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
  }
}

async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  return socket;
}
