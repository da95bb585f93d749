import type { Logger } from '../../base/logger.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Digest } from '../../contract/names.ts';
import type { AgentEvent } from '../agent-events.ts';
import type { AgentLimits } from '../agent-limits.ts';
import type { Clock } from '../clock.ts';
import type { DeploymentRecord, ImageSet } from '../images/image-set.ts';
import type { ImagePuller } from '../images/puller.ts';
import { type DeploymentEntry, toReportedError } from './deployment-entry.ts';
import type { ScoringProcess } from './scoring-process.ts';
import {
  crashesOf,
  isCandidate,
  isOwnFault,
  withActivation,
  withActive,
  withCommit,
  withoutImage,
  withQuarantine,
  withSetback,
} from './trial.ts';

/** What an activator works with. */
export interface ActivatorOptions {
  images: ImageSet;
  puller: Pick<ImagePuller, 'pull' | 'scrub'>;
  scoring: Pick<ScoringProcess, 'activate' | 'remove'>;
  clock: Clock;
  limits: AgentLimits;
  logger: Logger;
  onEvent: (event: AgentEvent) => void;
  onFailed: (entry: DeploymentEntry, image: Digest, error: SluiceError) => void;
  /** An image was switched to, or outlived its trial: older blobs may go. */
  onSettled: () => void;
}

/** Switches deployments to images, watches their trial, and takes a bad one back. */
export class Activator {
  readonly #options: ActivatorOptions;
  /** The scoring process was told of an image and has not answered. */
  #isSwitching = false;

  constructor(options: ActivatorOptions) {
    this.#options = options;
  }

  /** Switches a deployment; whatever goes wrong ends as a setback of this image, not as an exception. */
  async activate(entry: DeploymentEntry, image: Digest): Promise<void> {
    const { images, onEvent, onSettled } = this.#options;
    const deployment = entry.name;
    const before = images.get(deployment);
    if (isCandidate(before, image) && crashesOf(before, image) >= this.#options.limits.trialCrashesMax) {
      const message = `image ${image}: this device went down each time it was activated`;
      await this.#condemn(entry, image, new SluiceError('scoring_crashed', message));
      return;
    }
    await this.#save(entry, withActivation(before, image)).catch((thrown: unknown) => {
      // Restoring what served before must not need the disk: it may be full.
      if (before.active !== image) throw thrown;
      this.#notRecorded(thrown);
    });
    onEvent({ type: 'warming', deployment, image });
    try {
      await this.#switch({ deployment, image });
    } catch (thrown) {
      await this.#onRejected(entry, image, toSluiceError(thrown));
      return;
    }
    entry.running = image;
    if (entry.setback?.image === image) entry.setback = null;
    const saved = this.#save(entry, withActive(images.get(deployment), image));
    this.#watchTrial(entry, image);
    // It serves, and memory knows; the next write that succeeds tells the disk.
    await saved.catch((thrown: unknown) => this.#notRecorded(thrown));
    onEvent({ type: 'serving', deployment, image });
    onSettled();
  }

  /**
   * The scoring process died: whoever was on trial in it is blamed, unless it had an image to switch to. One that has
   * answered is on trial from then on, also while this is still being written to the disk.
   */
  blame(entries: readonly DeploymentEntry[]): void {
    const { images } = this.#options;
    for (const entry of entries) {
      const { running } = entry;
      entry.running = null;
      clearTimeout(entry.trial);
      if (running === null || this.#isSwitching || !isCandidate(images.get(entry.name), running)) continue;
      const error = new SluiceError(
        'scoring_crashed',
        `image ${running}: the scoring process died on its trial`,
      );
      this.#onCrash(entry, running, error, { demote: false }).catch((thrown: unknown) => {
        this.#options.logger.error({ reason: String(thrown) }, 'a crash was not recorded');
      });
    }
  }

  async #switch(options: { deployment: DeploymentEntry['name']; image: Digest }): Promise<void> {
    this.#isSwitching = true;
    try {
      await this.#options.scoring.activate(options);
    } finally {
      this.#isSwitching = false;
    }
  }

  #watchTrial(entry: DeploymentEntry, image: Digest): void {
    const { images, limits, logger, onSettled } = this.#options;
    clearTimeout(entry.trial);
    if (!isCandidate(images.get(entry.name), image)) return;
    entry.trial = setTimeout(() => {
      if (entry.running !== image) return;
      images.set(entry.name, withCommit(images.get(entry.name))).then(onSettled, (thrown: unknown) => {
        logger.error({ reason: String(thrown) }, 'the end of a trial was not recorded');
      });
    }, limits.trialMs);
  }

  async #onRejected(entry: DeploymentEntry, image: Digest, error: SluiceError): Promise<void> {
    const { images, puller, onFailed } = this.#options;
    const record = images.get(entry.name);
    if (error.code === 'cancelled') {
      await images.set(entry.name, withSetback(record, image, { crashed: false }));
      return;
    }
    if (error.code === 'scoring_crashed') {
      await this.#onCrash(entry, image, error, { demote: true });
      return;
    }
    if (error.code === 'blob_digest_mismatch' || error.code === 'blob_unavailable') {
      entry.fetched = null;
      await puller.scrub(image);
      await images.set(entry.name, withoutImage(images.get(entry.name), image));
    } else if (!isOwnFault(error.code)) {
      await images.set(entry.name, withSetback(record, image, { crashed: false }));
    } else if (isCandidate(record, image)) {
      await this.#condemn(entry, image, error);
      return;
    }
    onFailed(entry, image, error);
  }

  /** A few deaths are forgiven, since something else may have caused them; then the image is condemned. */
  async #onCrash(
    entry: DeploymentEntry,
    image: Digest,
    error: SluiceError,
    options: { demote: boolean },
  ): Promise<void> {
    const { images, limits, onFailed } = this.#options;
    const record = images.get(entry.name);
    if (!isCandidate(record, image)) {
      onFailed(entry, image, error);
      return;
    }
    const next = withSetback(record, image, { crashed: true });
    if (crashesOf(next, image) >= limits.trialCrashesMax) {
      await this.#condemn(entry, image, error);
      return;
    }
    await images.set(entry.name, options.demote ? next : { ...next, active: record.active });
    if (options.demote) onFailed(entry, image, error);
  }

  async #condemn(entry: DeploymentEntry, image: Digest, error: SluiceError): Promise<void> {
    const { images, clock, limits, onFailed } = this.#options;
    const reported = toReportedError(error, clock.now());
    const { quarantineMax } = limits;
    const record = withQuarantine(images.get(entry.name), image, { error: reported, quarantineMax });
    const saved = images.set(entry.name, record);
    // Told before the disk is done, so that no decision in between takes it for an older failure.
    onFailed(entry, image, error);
    await saved;
  }

  async #save(entry: DeploymentEntry, record: DeploymentRecord): Promise<void> {
    const { images } = this.#options;
    if (record !== images.get(entry.name)) await images.set(entry.name, record);
  }

  #notRecorded(thrown: unknown): void {
    const { code, message } = toSluiceError(thrown);
    this.#options.logger.error({ code }, `deployments.json: not written (${message})`);
  }
}
