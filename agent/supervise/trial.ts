import type { ErrorCode, SerializedError } from '../../contract/errors.ts';
import type { Digest } from '../../contract/names.ts';
import type { DeploymentRecord } from '../images/image-set.ts';

/** Failures that may pass by themselves. */
const transientCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'blob_digest_mismatch',
  'blob_unavailable',
  'broker_unreachable',
  'cancelled',
  'chunk_corrupt',
  'device_closed',
  'device_timeout',
  'device_unavailable',
  'disk_full',
  'internal',
  'not_ready',
  'queue_full',
  'transfer_stalled',
]);

/** Whether trying the same image again can help. */
export function isTransient(code: ErrorCode): boolean {
  return transientCodes.has(code);
}

/**
 * Whether a failure is the image's own and is held against it for good. One that may pass is not, nor is one
 * that tells of the device as it is now: its NPU may be another one at the next start.
 */
export function isOwnFault(code: ErrorCode): boolean {
  return !isTransient(code) && code !== 'program_hardware_mismatch';
}

/**
 * Whether an image that failed is tried again on this device. One that has proven itself is, for ever:
 * giving it up would leave nothing to answer. One that crashed is, until it is condemned.
 */
export function mayTryAgain(record: DeploymentRecord, image: Digest, code: ErrorCode): boolean {
  if (isTransient(code) || record.lastGood === image) return true;
  return code === 'scoring_crashed' && !record.quarantine.some(({ digest }) => digest === image);
}

/** Whether an image still has to prove itself on this device. */
export function isCandidate(record: DeploymentRecord, image: Digest): boolean {
  return image !== record.lastGood;
}

/** Deaths of the scoring process that are counted against an image. */
export function crashesOf(record: DeploymentRecord, image: Digest): number {
  return record.trial?.image === image ? record.trial.crashes : 0;
}

/** An activation begins: if this device dies of it, the next start knows. */
export function withActivation(record: DeploymentRecord, image: Digest): DeploymentRecord {
  if (!isCandidate(record, image)) return record;
  return { ...record, trial: { image, crashes: crashesOf(record, image), activating: true } };
}

/** An image answers requests; unless it has proven itself before, its trial runs. */
export function withActive(record: DeploymentRecord, image: Digest): DeploymentRecord {
  if (!isCandidate(record, image)) return record.active === image ? record : { ...record, active: image };
  return {
    ...record,
    active: image,
    trial: { image, crashes: crashesOf(record, image), activating: false },
  };
}

/** The trial is over: from now on this is the image to fall back to. */
export function withCommit(record: DeploymentRecord): DeploymentRecord {
  const trial = record.trial?.image === record.active ? null : record.trial;
  return { ...record, lastGood: record.active, trial };
}

/** An image did not start, or died on trial; the last good one takes its place. */
export function withSetback(
  record: DeploymentRecord,
  image: Digest,
  options: { crashed: boolean },
): DeploymentRecord {
  if (!isCandidate(record, image)) return record;
  const crashes = crashesOf(record, image) + (options.crashed ? 1 : 0);
  return { ...withoutActive(record, image), trial: { image, crashes, activating: false } };
}

/** An image is condemned: it is not tried again on this device. */
export function withQuarantine(
  record: DeploymentRecord,
  image: Digest,
  options: { error: SerializedError & { at: string }; quarantineMax: number },
): DeploymentRecord {
  const others = record.quarantine.filter(({ digest }) => digest !== image);
  const quarantine = [...others, { digest: image, error: options.error }].slice(-options.quarantineMax);
  return { ...withoutActive(record, image), trial: null, quarantine };
}

/** Blobs of an image are damaged on disk, so nobody can fall back to it until it is pulled again. */
export function withoutImage(record: DeploymentRecord, image: Digest): DeploymentRecord {
  const lastGood = record.lastGood === image ? null : record.lastGood;
  return { ...record, lastGood, active: record.active === image ? lastGood : record.active, trial: null };
}

function withoutActive(record: DeploymentRecord, image: Digest): DeploymentRecord {
  return record.active === image ? { ...record, active: record.lastGood } : record;
}
