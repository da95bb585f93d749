import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { answerClientError } from './http-errors.ts';
import type { ListenerSettings, TcpAddress } from './listener-settings.ts';
import { closed, listening, listenTcp } from './tcp-servers.ts';
import { TlsFiles, type TlsMaterial } from './tls-files.ts';
import { bindSocket, claimSocket } from './unix-socket.ts';

/** What the listeners of a process have in common. */
export interface HttpListenersOptions {
  handler: RequestListener;
  settings: ListenerSettings;
  /** False where the socket's file is another process's to make. */
  ownsSocketFile: boolean;
  limits: ScoringLimits;
  log: Logger;
}

/** The servers of one scoring process: TCP, plain or with TLS, and a Unix-domain socket, with the same limits. */
export class HttpListeners {
  readonly #options: HttpListenersOptions;
  readonly #servers: Server[] = [];
  /** Also those on which TLS is not agreed yet, which no HTTP server counts. */
  readonly #connections = new Set<Socket>();
  #tlsFiles: TlsFiles | undefined;

  constructor(options: HttpListenersOptions) {
    this.#options = options;
  }

  /**
   * Listens everywhere; resolves with the TCP port, or null without TCP. Throws `port_in_use` or `usage`, with nothing
   * left open.
   */
  async start(address: TcpAddress): Promise<number | null> {
    try {
      const port = address.port === null ? null : await this.#startTcp(address.host, address.port);
      await this.#startSocket();
      return port;
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /**
   * Takes no more connections, lets running requests end within `limits.stopMs`, then hangs up. Idempotent. Closing
   * the socket removes its file.
   */
  async stop(): Promise<void> {
    this.#tlsFiles?.stop();
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, this.#options.limits.stopMs);
    await Promise.all(this.#servers.splice(0).map(closed));
    clearTimeout(timer);
  }

  async #startTcp(host: string, port: number): Promise<number> {
    const tls = await this.#readTls();
    const place = { host, port, option: '--port' };
    return listenTcp(() => this.#makeServer(tls), place, this.#options.log);
  }

  async #readTls(): Promise<TlsMaterial | undefined> {
    const { settings, limits, log } = this.#options;
    if (settings.tls === undefined) return undefined;
    this.#tlsFiles = new TlsFiles({ files: settings.tls, pollMs: limits.tlsPollMs, log });
    return this.#tlsFiles.start();
  }

  async #startSocket(): Promise<void> {
    const { settings, ownsSocketFile, limits } = this.#options;
    const { socket } = settings;
    if (socket === undefined) return;
    if (ownsSocketFile) await claimSocket(socket.path, { probeMs: limits.socketProbeMs });
    const server = this.#makeServer(undefined);
    try {
      await listening(server, () => {
        if (ownsSocketFile) bindSocket(server, socket);
        else server.listen({ path: socket.path });
      });
    } catch (thrown) {
      throw asSocketError(thrown, socket.path);
    }
  }

  #makeServer(tls: TlsMaterial | undefined): Server {
    const server = tls === undefined ? this.#makePlain() : this.#makeSecure(tls);
    const { limits } = this.#options;
    server.maxConnections = limits.connectionsMax;
    // Node drops the headers beyond its own limit without a word; the handler counts them.
    server.maxHeadersCount = 0;
    // Node would answer 417 without a body; the handler answers as it does everything.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    server.on('clientError', (thrown, socket) =>
      answerClientError(thrown, socket as Socket, limits.hangUpMs),
    );
    server.on('connection', (connection: Socket) => {
      this.#connections.add(connection);
      connection.once('close', () => this.#connections.delete(connection));
    });
    this.#servers.push(server);
    return server;
  }

  #makePlain(): Server {
    return createServer(this.#httpOptions, this.#options.handler);
  }

  #makeSecure(tls: TlsMaterial): Server {
    const { limits, handler, log } = this.#options;
    const needsClient = tls.ca !== undefined;
    const context = { minVersion: 'TLSv1.2' } as const;
    const server = createSecureServer(
      {
        ...this.#httpOptions,
        ...context,
        ...tls,
        requestCert: needsClient,
        rejectUnauthorized: needsClient,
        handshakeTimeout: limits.handshakeMs,
      },
      handler,
    );
    // Before Node's own listener, which would have an HTTP error written to somebody who does not speak TLS.
    server.prependListener('tlsClientError', (error, socket) => {
      log.debug({ reason: error.message }, 'TLS: a connection was refused');
      socket.destroy();
    });
    this.#tlsFiles?.onChange((material) => server.setSecureContext({ ...context, ...material }));
    return server;
  }

  get #httpOptions(): ServerOptions {
    const { limits } = this.#options;
    return {
      requestTimeout: limits.requestTimeoutMs,
      headersTimeout: limits.headersTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.connectionCheckMs,
      // Node would answer without a body.
      requireHostHeader: false,
    };
  }
}

function asSocketError(thrown: unknown, path: string): unknown {
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new SluiceError('port_in_use', `--socket ${path}: another program took it meanwhile`, {
      cause: thrown,
    });
  }
  if (code === undefined) return thrown;
  // libuv says EACCES also for a folder that does not exist.
  return new SluiceError('usage', `--socket ${path}: the folder is missing or closed to us (${message})`, {
    cause: thrown,
  });
}
