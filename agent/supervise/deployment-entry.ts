import { backoffMs } from '../../base/backoff.ts';
import type { SerializedError, SluiceError } from '../../contract/errors.ts';
import type { DeploymentPhase, DesiredDeployment, ReportedDeployment } from '../../contract/messages.ts';
import type { Digest, Name } from '../../contract/names.ts';
import type { AgentLimits } from '../agent-limits.ts';
import type { Clock } from '../clock.ts';
import type { DeploymentRecord } from '../images/image-set.ts';
import type { PullProgress } from '../images/progress.ts';
import type { DeploymentView, Setback } from './decide.ts';

/** Longest error message that is reported; messages name paths and digests, not bodies. */
const reportedMessageLengthMax = 1024;

/** A failure and when to try again. */
export interface DeploymentSetback extends Setback {
  error: SerializedError & { at: string };
  /** Failures of this image in a row. */
  failures: number;
}

/** What the control process knows of one deployment besides its record on disk. */
export interface DeploymentEntry {
  readonly name: Name;
  wanted: DesiredDeployment | null;
  running: Digest | null;
  fetched: Digest | null;
  /** The pull under way; what serves is switched independently of it. */
  pull: { image: Digest; abort: AbortController } | null;
  /** What the scoring process is being told. */
  change: 'activate' | 'remove' | null;
  setback: DeploymentSetback | null;
  progress: PullProgress;
  /** Monotonic time of the last progress event. */
  progressAtMs: number;
  trial: NodeJS.Timeout | undefined;
}

/** A deployment that nothing is known of yet. */
export function newEntry(name: Name): DeploymentEntry {
  return {
    name,
    wanted: null,
    running: null,
    fetched: null,
    pull: null,
    change: null,
    setback: null,
    progress: { phase: 'fetching', haveBytes: 0, needBytes: 0 },
    progressAtMs: Number.NEGATIVE_INFINITY,
    trial: undefined,
  };
}

/** Whether something is under way for a deployment. */
export function isBusy({ pull, change }: DeploymentEntry): boolean {
  return pull !== null || change !== null;
}

/** An error as it is stored and reported. */
export function toReportedError(error: SluiceError, now: Date): SerializedError & { at: string } {
  const message = error.message.slice(0, reportedMessageLengthMax);
  return { code: error.code, message, at: now.toISOString() };
}

/** The setback after one more failure: the delay doubles while the same image fails. */
export function nextSetback(
  before: DeploymentSetback | null,
  failure: { image: Digest; error: SluiceError; mayRetry: boolean; clock: Clock; limits: AgentLimits },
): DeploymentSetback {
  const { image, error, mayRetry, clock, limits } = failure;
  const failures = before?.image === image ? before.failures + 1 : 1;
  const delayMs = backoffMs({ failures, baseMs: limits.retryBaseMs, capMs: limits.retryCapMs });
  const retryAtMs = mayRetry ? clock.monotonicMs() + delayMs : null;
  return { image, error: toReportedError(error, clock.now()), failures, retryAtMs };
}

/** The entry as the decision sees it. */
export function viewOf(entry: DeploymentEntry, record: DeploymentRecord): DeploymentView {
  return {
    name: entry.name,
    wanted: entry.wanted?.image.digest ?? null,
    active: record.active,
    running: entry.running,
    fetched: entry.fetched,
    quarantined: record.quarantine.map(({ digest }) => digest),
    pulling: entry.pull?.image ?? null,
    isSwitching: entry.change !== null,
    setback: entry.setback,
  };
}

/** The entry as the workspace sees it. */
export function reportOf(entry: DeploymentEntry, record: DeploymentRecord): ReportedDeployment {
  const wanted = entry.wanted?.image.digest ?? null;
  return {
    active: entry.running,
    candidate: wanted === entry.running ? null : wanted,
    lastGood: record.lastGood,
    phase: phaseOf(entry, wanted ?? record.active),
    haveBytes: entry.progress.haveBytes,
    needBytes: entry.progress.needBytes,
    error: entry.setback?.error ?? null,
  };
}

function phaseOf(entry: DeploymentEntry, aim: Digest | null): DeploymentPhase {
  if (entry.pull !== null) return entry.progress.phase;
  if (entry.change === 'activate') return 'warming';
  if (entry.running !== null && entry.running === aim) return 'serving';
  if (entry.setback !== null) return entry.setback.retryAtMs === null ? 'failed' : 'backoff';
  return entry.fetched === aim ? 'warming' : 'fetching';
}
