import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createSecureServer } from 'node:tls';
import type { Logger } from '../../../base/logger.ts';
import type { ScoringLimits } from '../../scoring-limits.ts';
import type { ListenerSettings } from '../listener-settings.ts';
import { listenTcp } from '../tcp-servers.ts';
import { TlsFiles, type TlsMaterial } from '../tls-files.ts';

/** What the listeners of gRPC need. */
export interface GrpcListenersOptions {
  /** Whether the port speaks TLS, as that of HTTP does; gRPC has no Unix-domain socket. */
  settings: ListenerSettings;
  /** Takes a connection over; with TLS, one that is agreed on. */
  serve: (connection: Socket) => void;
  limits: ScoringLimits;
  log: Logger;
}

/**
 * The TCP listeners of gRPC. They are our own because the library's tell a taken port by its message alone, and keep
 * the certificate that they began with.
 */
export class GrpcListeners {
  readonly #options: GrpcListenersOptions;
  readonly #servers: Server[] = [];
  /** Also those on which TLS is not agreed yet. */
  readonly #connections = new Set<Socket>();
  /** Those that were handed over. */
  readonly #served = new Set<Socket>();
  #tlsFiles: TlsFiles | undefined;

  constructor(options: GrpcListenersOptions) {
    this.#options = options;
  }

  /** Listens; resolves with the port. Throws `port_in_use` or `usage`, with nothing left open. */
  async start({ host, port }: { host: string; port: number }): Promise<number> {
    try {
      const tls = await this.#readTls();
      const place = { host, port, option: '--grpc-port' };
      return await listenTcp(() => this.#makeServer(tls), place, this.#options.log);
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  /** Takes no more connections. */
  close(): void {
    this.#tlsFiles?.stop();
    for (const server of this.#servers.splice(0)) server.close();
  }

  /** Resolves when all connections that were handed over are closed. */
  async ended(): Promise<void> {
    const closed = (connection: Socket): Promise<unknown> =>
      new Promise((resolve) => connection.once('close', resolve));
    await Promise.all([...this.#served].map(closed));
  }

  /** Ends those that are open. */
  hangUp(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  async #readTls(): Promise<TlsMaterial | undefined> {
    const { settings, limits, log } = this.#options;
    if (settings.tls === undefined) return undefined;
    this.#tlsFiles = new TlsFiles({ files: settings.tls, pollMs: limits.tlsPollMs, log });
    return this.#tlsFiles.start();
  }

  #makeServer(tls: TlsMaterial | undefined): Server {
    const { limits } = this.#options;
    const serve = (connection: Socket): void => this.#serve(connection);
    const server = tls === undefined ? createServer({ noDelay: true }, serve) : this.#makeSecure(tls, serve);
    server.maxConnections = limits.connectionsMax;
    server.on('connection', (connection: Socket) => {
      this.#connections.add(connection);
      connection.once('close', () => this.#connections.delete(connection));
    });
    this.#servers.push(server);
    return server;
  }

  #serve(connection: Socket): void {
    this.#served.add(connection);
    connection.once('close', () => this.#served.delete(connection));
    this.#options.serve(connection);
  }

  #makeSecure(tls: TlsMaterial, serve: (connection: Socket) => void): Server {
    const { limits, log } = this.#options;
    const needsClient = tls.ca !== undefined;
    const context = { minVersion: 'TLSv1.2' } as const;
    const server = createSecureServer(
      {
        ...{ ...context, ...tls, noDelay: true, ALPNProtocols: ['h2'] },
        requestCert: needsClient,
        rejectUnauthorized: needsClient,
        handshakeTimeout: limits.handshakeMs,
      },
      serve,
    );
    server.on('tlsClientError', (error, socket) => {
      log.debug({ reason: error.message }, 'TLS: a connection was refused');
      socket.destroy();
    });
    this.#tlsFiles?.onChange((material) => server.setSecureContext({ ...context, ...material }));
    return server;
  }
}
