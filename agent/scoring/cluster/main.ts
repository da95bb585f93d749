import cluster from 'node:cluster';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { createLogger } from '../../../base/logger.ts';
import { toSluiceError } from '../../../contract/errors.ts';
import { scoringLimits as limits } from '../../scoring-limits.ts';
import { scoringNodeOptions } from '../../supervise/scoring-environment.ts';
import { failStart, leaveEndToParent, sendParent, serveParent } from '../parent.ts';
import { checkStart, controlMessageParser, scoringStartParser } from '../start-options.ts';
import { claimSocket, maskFor, withMask } from '../unix-socket.ts';
import { seatVariable } from './cluster-protocol.ts';
import { ScoringCluster } from './scoring-cluster.ts';

// Entry of the primary of several scoring processes. It is started, and speaks, as the only one would be, loads no
// model, and hands each connection to the next worker.

async function main(argument = ''): Promise<void> {
  leaveEndToParent();
  const start = scoringStartParser.parseJson(argument);
  checkStart(start);
  const log = createLogger({ name: 'scoring', level: start.logLevel });
  const socket = start.listeners?.socket;
  const workersMask = process.umask();
  if (socket !== undefined) {
    await claimSocket(socket.path, { probeMs: limits.socketProbeMs });
    // This process makes no file but the socket, when its first worker listens.
    process.umask(maskFor(socket.mode));
  }
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('../main.js', import.meta.url)),
    args: [argument],
    execArgv: [...scoringNodeOptions],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const scoring = new ScoringCluster({
    processes: start.processes ?? 1,
    fork: (seat) => withMask(workersMask, () => cluster.fork({ [seatVariable]: seat })),
    nowMs: () => performance.now(),
    limits,
    send: sendParent,
    onDown: () => process.exit(1),
    log,
  });
  await scoring.start();
  serveParent(log, {
    handle: async (message) => {
      const control = controlMessageParser.parse(message);
      if (control.type !== 'stop') await scoring.handle(control);
    },
    stop: () => scoring.stop(),
  });
}

main(process.argv[2]).catch((thrown: unknown) => {
  // A death is not a reason not to start: the control process tries again.
  if (toSluiceError(thrown).code === 'scoring_crashed') process.exit(1);
  failStart(thrown);
});
