import '../../ort/disable-telemetry.ts';
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { BlobStore } from '../../base/blob-store.ts';
import { createLogger, type Logger } from '../../base/logger.ts';
import { toSluiceError } from '../../contract/errors.ts';
import { processRegistry } from '../observe/scoring-metrics.ts';
import { scoringLimits as limits } from '../scoring-limits.ts';
import type { ScoringMessage } from '../supervise/control-protocol.ts';
import { Deployments } from './deployments.ts';
import { endpointDefaults } from './endpoint-settings.ts';
import { Endpoints } from './endpoints.ts';
import { Mirror } from './mirror.ts';
import { openNpu } from './npu-device.ts';
import { ScoringProcess } from './scoring-process.ts';
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

async function main(argument: string | undefined): Promise<void> {
  // Ctrl-C reaches the whole process group; the parent decides when this process ends.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  const start = scoringStartParser.parseJson(argument ?? '');
  const log = createLogger({ name: 'scoring', level: start.logLevel });
  const nowMs = (): number => performance.now();
  const npu = await openNpu(start.npu, { limits, nowMs, log });
  const blobs = new BlobStore(start.blobRoot);
  const deployments = new Deployments({ blobs, npu, limits, nowMs, log });
  const endpoints = new Endpoints();
  const clocks = { nowMs, instantMs: Date.now };
  const random = Math.random;
  const server = new ScoringServer({
    ...endpointDefaults,
    ...start.endpoint,
    deployments,
    endpoints,
    random,
    mirror: new Mirror({ deployments, limits, random, ...clocks, log }),
    limits,
    ...clocks,
    randomId: randomUUID,
    log,
    registry: processRegistry(),
  });
  const scoring = new ScoringProcess({ server, deployments, endpoints, npu, send, log });
  await scoring.start(start);
  serveParent(scoring, log);
}

main(process.argv[2]).catch((thrown: unknown) => {
  const error = toSluiceError(thrown);
  if (!process.connected) process.stderr.write(`${error.message}\n`);
  send({ type: 'failed', error: error.toJSON() }, () => process.exit(1));
});
