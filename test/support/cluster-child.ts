import cluster from 'node:cluster';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { WorkerMessage, WorkerOrder } from '../../agent/scoring/cluster/cluster-protocol.ts';
import { ScoringCluster } from '../../agent/scoring/cluster/scoring-cluster.ts';
import { sendParent, serveParent } from '../../agent/scoring/parent.ts';
import { scoringLimits } from '../../agent/scoring-limits.ts';
import type { ControlMessage, ListeningPorts, ScoringStart } from '../../agent/supervise/control-protocol.ts';
import { createLogger } from '../../base/logger.ts';
import { isErrorCode } from '../../contract/errors.ts';

/**
 * Several scoring processes without engines, for the tests of their supervisors: the primary is the real one, its
 * workers answer as `scoring-child.ts` does, by the same `behaviour.json`. A behaviour with `second:` before it is
 * shown by all but the first worker that was started.
 */
const start = JSON.parse(process.argv[2] ?? '{}') as ScoringStart;

async function runPrimary(): Promise<void> {
  const log = createLogger({ name: 'scoring', level: start.logLevel });
  cluster.setupPrimary({ exec: fileURLToPath(import.meta.url), args: [JSON.stringify(start)], execArgv: [] });
  const scoring = new ScoringCluster({
    processes: start.processes ?? 1,
    fork: () => cluster.fork(),
    nowMs: () => performance.now(),
    limits: { ...scoringLimits, processActivateMs: 1_500, processRestartBaseMs: 20, processRestartCapMs: 40 },
    send: sendParent,
    onDown: () => process.exit(1),
    log,
  });
  await scoring.start();
  serveParent(log, {
    handle: (message) => scoring.handle(message as Exclude<ControlMessage, { type: 'stop' }>),
    stop: () => scoring.stop(),
  });
}

function behaviourOf(image: string): string | undefined {
  const path = join(start.blobRoot, '..', 'behaviour.json');
  if (!existsSync(path)) return undefined;
  const behaviour = (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>)[image];
  const [, second] = behaviour?.split('second:') ?? [];
  return second === undefined ? behaviour : cluster.worker?.id === 1 ? undefined : second;
}

function runWorker(): void {
  const served = new Map<string, string>();
  const send = (message: WorkerMessage): void => sendParent(message);
  const server = createServer((_request, response) => {
    response.setHeader('connection', 'close');
    response.end(JSON.stringify({ pid: process.pid, served: Object.fromEntries(served), environment: [] }));
  });
  const activate = ({
    requestId,
    deployment,
    image,
  }: Extract<ControlMessage, { type: 'activate' }>): void => {
    const behaviour = behaviourOf(image);
    if (behaviour === 'crash') process.exit(7);
    if (behaviour === 'hang') return;
    if (behaviour !== undefined && isErrorCode(behaviour)) {
      send({ type: 'rejected', requestId, error: { code: behaviour, message: `told to: ${behaviour}` } });
      return;
    }
    served.set(deployment, image);
    send({ type: 'activated', requestId });
  };
  process.on('message', (message: ControlMessage | WorkerOrder) => {
    if (message.type === 'stop') process.exit(0);
    if (message.type === 'activate') activate(message);
    if (message.type === 'remove') {
      served.delete(message.deployment);
      send({ type: 'removed', requestId: message.requestId });
    }
    if (message.type === 'listen') {
      const { requestId } = message;
      server.listen(start.port ?? 0, start.host, () => {
        const address = server.address();
        const port = typeof address === 'object' && address !== null ? address.port : null;
        const answer: ListeningPorts = { port };
        send({ type: 'answered', requestId, answer });
      });
    }
  });
  send({ type: 'opened', npu: null });
}

if (cluster.isPrimary) await runPrimary();
else runWorker();
