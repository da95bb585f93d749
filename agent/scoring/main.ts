import '../../ort/disable-telemetry.ts';
import '../../ort/begin-loading.ts';
import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { BlobStore } from '../../base/blob-store.ts';
import { createLogger } from '../../base/logger.ts';
import { startCollector } from '../collect/start-collector.ts';
import { processRegistry } from '../observe/process-metrics.ts';
import { scoringLimits as limits } from '../scoring-limits.ts';
import { seatVariable } from './cluster/cluster-protocol.ts';
import { ScoringWorker } from './cluster/scoring-worker.ts';
import { WorkerLink } from './cluster/worker-link.ts';
import { Deployments } from './deployments.ts';
import { endpointDefaults } from './endpoint-settings.ts';
import { Endpoints } from './endpoints.ts';
import type { GrpcServerOptions } from './grpc/server.ts';
import { Mirror } from './mirror.ts';
import { openNpu } from './npu-device.ts';
import { failStart, leaveEndToParent, sendParent, serveParent, startArgument } from './parent.ts';
import { ScoringProcess } from './scoring-process.ts';
import { type GrpcListener, ScoringServers } from './scoring-servers.ts';
import { ScoringServer } from './server.ts';
import { checkStart, controlMessageParser, scoringStartParser } from './start-options.ts';

// Entry of the scoring process. Its parent starts it with `ScoringStart` as one JSON argument and an IPC channel; the
// primary of several (cluster/main.ts) as one of its workers.

/** Loads gRPC only where it is on: its libraries cost memory and start time. */
async function openGrpc({
  grpcPort: port,
  ...options
}: GrpcServerOptions & { grpcPort: number | null }): Promise<GrpcListener | undefined> {
  if (port === null) return undefined;
  const { GrpcServer } = await import('./grpc/server.ts');
  return { server: new GrpcServer(options), port };
}

async function main(): Promise<void> {
  leaveEndToParent();
  const start = scoringStartParser.parseJson((await startArgument()) ?? '');
  checkStart(start);
  const log = createLogger({ name: 'scoring', level: start.logLevel });
  const nowMs = (): number => performance.now();
  const npu = await openNpu(start.npu, { limits, nowMs, log });
  const blobs = new BlobStore(start.blobRoot);
  const endpoints = new Endpoints();
  const clocks = { nowMs, instantMs: Date.now };
  const random = Math.random;
  const collector =
    start.collection &&
    startCollector(start.collection, {
      seat: Number(process.env[seatVariable] ?? 0),
      seats: start.processes ?? 1,
      limits: limits.collection,
      endpointOf: (deployment) => endpoints.ofDeployment(deployment)?.name,
      ...{ random, randomId: randomUUID, ...clocks, log },
    });
  const deployments = new Deployments({ blobs, npu, limits, nowMs, log, collector });
  const link = cluster.isWorker
    ? new WorkerLink({ send: sendParent, asksMax: limits.peerAsksMax })
    : undefined;
  const common = {
    ...endpointDefaults,
    ...start.endpoint,
    listeners: start.listeners ?? {},
    ...(link === undefined ? {} : { peers: link }),
    collector,
    deployments,
    endpoints,
    random,
    mirror: new Mirror({ deployments, limits, random, ...clocks, log }),
    limits,
    ...clocks,
    log,
  };
  const http = new ScoringServer({ ...common, randomId: randomUUID, registry: processRegistry() });
  const server = new ScoringServers(http, await openGrpc({ ...common, tracer: http.tracer }));
  const scoring = new ScoringProcess({
    server,
    deployments,
    endpoints,
    npu,
    collector,
    send: sendParent,
    log,
  });
  const worker = link && new ScoringWorker({ start, server, deployments, link, send: sendParent });
  if (worker === undefined) await scoring.start(start);
  else sendParent({ type: 'opened', npu: npu?.description ?? null });
  serveParent(log, {
    handle: async (message) => {
      if (await worker?.handle(message)) return;
      const control = controlMessageParser.parse(message);
      if (control.type !== 'stop') await scoring.handle(control);
    },
    stop: () => scoring.stop(),
  });
}

main().catch(failStart);
