import '../../ort/disable-telemetry.ts';
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { BlobStore } from '../../base/blob-store.ts';
import { createLogger, type Logger } from '../../base/logger.ts';
import { toSluiceError } from '../../contract/errors.ts';
import { scoringLimits as limits } from '../scoring-limits.ts';
import type { ScoringMessage } from '../supervise/control-protocol.ts';
import { Deployments } from './deployments.ts';
import { endpointDefaults } from './endpoint-settings.ts';
import type { GrpcServerOptions } from './grpc/server.ts';
import { openNpu } from './npu-device.ts';
import { type GrpcListener, ScoringProcess } from './scoring-process.ts';
import { ScoringServer } from './server.ts';
import { controlMessageParser, scoringStartParser } from './start-options.ts';

// Entry of the scoring process. Its parent starts it with `ScoringStart` as one JSON argument and an IPC channel.

/** What a graceful end may take when nobody is left to force it: requests, then worker threads, then a margin. */
const exitMs = limits.stopMs + limits.workerCloseMs + 1_000;

function send(message: ScoringMessage, onSent?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => onSent?.());
  else onSent?.();
}

function serveParent(scoring: ScoringProcess, log: Logger): void {
  const exit = (): void => {
    setTimeout(() => process.exit(0), exitMs).unref();
    void scoring.stop().then(() => process.exit(0));
  };
  process.on('disconnect', exit);
  if (!process.connected) exit();
  process.on('message', (message) => {
    const handled = async (): Promise<void> => {
      const control = controlMessageParser.parse(message);
      if (control.type === 'stop') exit();
      else await scoring.handle(control);
    };
    handled().catch((thrown: unknown) => log.error({ err: thrown }, 'control message failed'));
  });
}

/** Loads gRPC only where it is on: its libraries cost memory and start time. */
async function openGrpc(port: number | null, options: GrpcServerOptions): Promise<GrpcListener | undefined> {
  if (port === null) return undefined;
  const { GrpcServer } = await import('./grpc/server.ts');
  return { server: new GrpcServer(options), port };
}

async function main(argument: string | undefined): Promise<void> {
  // Ctrl-C reaches the whole process group; the parent decides when this process ends.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  const start = scoringStartParser.parseJson(argument ?? '');
  const log = createLogger({ name: 'scoring', level: start.logLevel });
  const nowMs = (): number => performance.now();
  const npu = await openNpu(start.npu, log);
  const blobs = new BlobStore(start.blobRoot);
  const deployments = new Deployments({ blobs, npu, limits, nowMs, log });
  const endpoint = { ...endpointDefaults, ...start.endpoint };
  const options = { ...endpoint, deployments, limits, nowMs, instantMs: Date.now, randomId: randomUUID, log };
  const server = new ScoringServer(options);
  const grpc = await openGrpc(endpoint.grpcPort, options);
  const scoring = new ScoringProcess({ server, grpc, deployments, npu, send, log });
  await scoring.start(start);
  serveParent(scoring, log);
}

main(process.argv[2]).catch((thrown: unknown) => {
  const error = toSluiceError(thrown);
  if (!process.connected) process.stderr.write(`${error.message}\n`);
  send({ type: 'failed', error: error.toJSON() }, () => process.exit(1));
});
