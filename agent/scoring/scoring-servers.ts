import type { ToldMetrics } from '../observe/told-metrics.ts';
import type { ListeningPorts } from '../supervise/control-protocol.ts';
import type { GrpcServer } from './grpc/server.ts';
import type { TcpAddress } from './listener-settings.ts';
import type { ScoringServer } from './server.ts';

/** The gRPC server and where it listens. */
export interface GrpcListener {
  server: GrpcServer;
  port: number;
}

/** What a scoring process answers with: HTTP always, gRPC where it is on. They start and stop together. */
export class ScoringServers {
  readonly #http: ScoringServer;
  readonly #grpc: GrpcListener | undefined;

  constructor(http: ScoringServer, grpc: GrpcListener | undefined) {
    this.#http = http;
    this.#grpc = grpc;
  }

  /** Listens everywhere. Throws `port_in_use` or `usage`, with nothing left open. */
  async start(address: TcpAddress): Promise<ListeningPorts> {
    const port = await this.#http.start(address);
    if (this.#grpc === undefined) return { port };
    const { server, port: grpcPort } = this.#grpc;
    try {
      return { port, grpcPort: await server.start({ host: address.host, port: grpcPort }) };
    } catch (thrown) {
      await this.#http.stop();
      throw thrown;
    }
  }

  /** What this process alone measured. */
  tellMetrics(): Promise<ToldMetrics> {
    return this.#http.tellMetrics();
  }

  /** Takes no more requests and lets the running ones end. Idempotent. */
  async stop(): Promise<void> {
    const grpc = this.#grpc?.server.stop();
    await Promise.all([this.#http.stop(grpc), grpc]);
  }
}
