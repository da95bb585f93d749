import cluster from 'node:cluster';
import type { Logger } from '../../base/logger.ts';
import { toSluiceError } from '../../contract/errors.ts';
import { scoringLimits as limits } from '../scoring-limits.ts';
import type { ScoringMessage, StartMessage } from '../supervise/control-protocol.ts';
import { toldLater } from '../supervise/spawn-scoring.ts';
import type { WorkerMessage } from './cluster/cluster-protocol.ts';

// How a scoring process lives with the one that started it: its control process, or the primary of several.

/**
 * What a graceful end may take when nobody is left to force it: requests, then threads, first asked and then told,
 * then a margin.
 */
const exitMs = limits.stopMs + 2 * limits.workerCloseMs + 1_000;

/** Messages that came right behind the argument, before this process served its parent. */
const early: unknown[] = [];
const keepEarly = (message: unknown): void => void early.push(message);

/** Tells the parent something; one that is gone is noticed by `disconnect`. */
export function sendParent(message: ScoringMessage | WorkerMessage, onSent?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => onSent?.());
  else onSent?.();
}

/**
 * The parent decides when this process ends: Ctrl-C reaches the whole process group, and what `node:cluster` cannot
 * tell a primary that is gone is no reason to die of. Its end is noticed by `disconnect`.
 */
export function leaveEndToParent(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  cluster.worker?.on('error', () => undefined);
}

/** The argument of this process: what it was started with, or is told in its first message. */
export function startArgument(): Promise<string | undefined> {
  const [, , argument] = process.argv;
  if (argument !== toldLater) return Promise.resolve(argument);
  return new Promise((resolve) => {
    // A parent that goes first has nothing for this process to do.
    const exit = (): void => process.exit(0);
    process.once('disconnect', exit);
    if (!process.connected) exit();
    process.once('message', (message) => {
      process.off('disconnect', exit);
      // Node drops what comes while nobody listens and was read at once with what somebody did hear.
      process.on('message', keepEarly);
      const { type, argument: told } = message as Partial<StartMessage>;
      if (type === 'start') resolve(told);
      else exit();
    });
  });
}

/** Does what the parent says until it says `stop` or is gone. */
export function serveParent(
  log: Logger,
  scoring: { handle: (message: unknown) => Promise<void>; stop: () => Promise<void> },
): void {
  const exit = (): void => {
    setTimeout(() => process.exit(0), exitMs).unref();
    void scoring.stop().then(() => process.exit(0));
  };
  process.on('disconnect', exit);
  if (!process.connected) exit();
  const onMessage = (message: unknown): void => {
    if ((message as { type?: unknown }).type === 'stop') exit();
    else {
      scoring
        .handle(message)
        .catch((thrown: unknown) => log.error({ err: thrown }, 'control message failed'));
    }
  };
  process.off('message', keepEarly);
  process.on('message', onMessage);
  for (const message of early.splice(0)) onMessage(message);
}

/** Ends a process that cannot start, and tells the parent why. */
export function failStart(thrown: unknown): void {
  const error = toSluiceError(thrown);
  if (!process.connected) process.stderr.write(`${error.message}\n`);
  sendParent({ type: 'failed', error: error.toJSON() }, () => process.exit(1));
}
