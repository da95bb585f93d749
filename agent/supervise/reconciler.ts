import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { DesiredDocument, DesiredVersion, ReportedDeployment } from '../../contract/messages.ts';
import type { Digest, Name } from '../../contract/names.ts';
import type { PullProgress } from '../images/progress.ts';
import { Activator, type ActivatorOptions } from './activator.ts';
import type { NpuDescription } from './control-protocol.ts';
import { type Action, decide } from './decide.ts';
import { type DeploymentEntry, isBusy, newEntry, nextSetback, reportOf, viewOf } from './deployment-entry.ts';
import { mayTryAgain } from './trial.ts';

/** What a reconciler works with. */
export interface ReconcilerOptions extends Omit<ActivatorOptions, 'onFailed' | 'onSettled'> {
  /** Removes what none of these images and blobs needs. */
  collect: (needed: { images: ReadonlySet<Digest>; keep: ReadonlySet<Digest> }) => Promise<unknown>;
  /** What is to be reported changed. */
  onChange: () => void;
}

/**
 * Brings what runs to what is desired. After everything that happens it asks `decide` for the next
 * steps and starts them; each works on one deployment, and its failure stays there.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #entries = new Map<Name, DeploymentEntry>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #activator: Activator;
  #desired: DesiredDocument | undefined;
  #applied: DesiredVersion | null = null;
  #npu: NpuDescription | null = null;
  #isListening = false;
  /** An image is not pulled before it is known what NPU it must fit. */
  #isNpuKnown = false;
  #isStopped = false;
  #isCollecting = false;
  #mustCollect = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#activator = new Activator({
      ...options,
      onFailed: (entry, image, error) => this.#fail(entry, image, error),
      onSettled: () => {
        this.#mustCollect = true;
        this.#step();
      },
    });
  }

  /** Takes up what the disk says: records loaded, and the desired document accepted last, if any. */
  start(desired: DesiredDocument | undefined): void {
    for (const name of this.#options.images.names()) this.#entries.set(name, newEntry(name));
    if (desired === undefined) this.#step();
    else this.setDesired(desired);
  }

  /** A newer desired document was accepted. */
  setDesired(desired: DesiredDocument): void {
    this.#desired = desired;
    const wanted = new Map(desired.deployments.map((deployment) => [deployment.name, deployment]));
    for (const name of wanted.keys()) if (!this.#entries.has(name)) this.#entries.set(name, newEntry(name));
    for (const entry of this.#entries.values()) {
      const next = wanted.get(entry.name) ?? null;
      if (JSON.stringify(next) !== JSON.stringify(entry.wanted)) {
        entry.setback = null;
        entry.fetched = null;
      }
      entry.wanted = next;
    }
    this.#step();
  }

  /** A scoring process listens, with nothing in it. */
  scoringListening(npu: NpuDescription | null): void {
    this.#npu = npu;
    this.#isNpuKnown = true;
    this.#isListening = true;
    this.#step();
  }

  /** The scoring process died. */
  scoringDown(): void {
    this.#isListening = false;
    this.#activator.blame([...this.#entries.values()]);
    this.#options.onChange();
  }

  /** The link is back: what failed for want of it is tried at once. */
  linkUp(): void {
    for (const { setback } of this.#entries.values()) {
      if (setback?.error.code === 'broker_unreachable') setback.retryAtMs = this.#nowMs;
    }
    this.#step();
  }

  /** What to report. */
  snapshot(): { applied: DesiredVersion | null; deployments: Record<Name, ReportedDeployment> } {
    const deployments = [...this.#entries.values()].map((entry) => [
      entry.name,
      reportOf(entry, this.#options.images.get(entry.name)),
    ]);
    return { applied: this.#applied, deployments: Object.fromEntries(deployments) };
  }

  /** Ends pulls, and waits for switches, which end when the scoring process does, and for writes. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    for (const entry of this.#entries.values()) {
      clearTimeout(entry.trial);
      entry.pull?.abort.abort(new SluiceError('cancelled', 'the agent stops'));
    }
    await Promise.allSettled(this.#tasks);
    // The end of a trial is written by nobody's task.
    await this.#options.images.settled();
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #step(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#collectIfIdle();
    const views = [...this.#entries.values()].map((entry) =>
      viewOf(entry, this.#options.images.get(entry.name)),
    );
    const actions = decide(views, {
      isDesiredKnown: this.#desired !== undefined,
      isScoringListening: this.#isListening,
      mayFetch: this.#isNpuKnown && !this.#isCollecting,
      nowMs: this.#nowMs,
    });
    let wakeAtMs = Number.POSITIVE_INFINITY;
    for (const action of actions) {
      if (action.type === 'wait') wakeAtMs = Math.min(wakeAtMs, action.untilMs);
      else this.#execute(action);
    }
    if (wakeAtMs < Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.#step(), Math.max(1, wakeAtMs - this.#nowMs));
    }
    this.#noteApplied();
    this.#options.onChange();
  }

  #execute(action: Exclude<Action, { type: 'wait' }>): void {
    const entry = this.#entries.get(action.deployment);
    if (entry === undefined) return;
    switch (action.type) {
      case 'abort':
        entry.pull?.abort.abort(new SluiceError('cancelled', 'a newer desired document replaced it'));
        break;
      case 'fetch':
        this.#track(this.#fetch(entry, action.image));
        break;
      case 'activate':
        this.#track(this.#activate(entry, action.image));
        break;
      case 'remove':
        this.#track(this.#remove(entry));
        break;
      case 'refuse':
        this.#refuse(entry, action.image);
        break;
    }
  }

  /** Whatever ends asks for the next decision. */
  #track(work: Promise<void>): void {
    const task = work.finally(() => {
      this.#tasks.delete(task);
      this.#step();
    });
    this.#tasks.add(task);
  }

  async #fetch(entry: DeploymentEntry, image: Digest): Promise<void> {
    const deployment = entry.wanted;
    if (deployment === null) return;
    const abort = new AbortController();
    entry.pull = { image, abort };
    const { signal } = abort;
    const onProgress = (progress: PullProgress): void => this.#onProgress(entry, image, progress);
    try {
      await this.#options.puller.pull(deployment, { npu: this.#npu, signal, onProgress });
      if (!signal.aborted) entry.fetched = image;
    } catch (thrown) {
      if (!signal.aborted) this.#fail(entry, image, toSluiceError(thrown));
    } finally {
      entry.pull = null;
    }
  }

  async #activate(entry: DeploymentEntry, image: Digest): Promise<void> {
    entry.change = 'activate';
    try {
      await this.#activator.activate(entry, image);
    } catch (thrown) {
      this.#fail(entry, image, toSluiceError(thrown));
    } finally {
      entry.change = null;
    }
  }

  #onProgress(entry: DeploymentEntry, image: Digest, progress: PullProgress): void {
    const { haveBytes, needBytes, phase } = progress;
    const isTurn = phase !== entry.progress.phase || haveBytes === needBytes;
    entry.progress = progress;
    this.#options.onChange();
    if (!isTurn && this.#nowMs - entry.progressAtMs < this.#options.limits.progressIntervalMs) return;
    entry.progressAtMs = this.#nowMs;
    const deployment = entry.name;
    if (phase === 'verifying') this.#options.onEvent({ type: 'verifying', deployment, image });
    else this.#options.onEvent({ type: 'fetching', deployment, image, haveBytes, needBytes });
  }

  async #remove(entry: DeploymentEntry): Promise<void> {
    const { scoring, images, logger } = this.#options;
    entry.change = 'remove';
    try {
      if (entry.running !== null) await scoring.remove(entry.name);
      await images.delete(entry.name);
    } catch (thrown) {
      // A process that died serves it no more; a record that stays on disk is removed after the next start.
      logger.warn({ deployment: entry.name, reason: String(thrown) }, 'a deployment was not removed cleanly');
    }
    entry.running = null;
    entry.change = null;
    clearTimeout(entry.trial);
    // A newer document may want it again by now; then the entry starts afresh.
    if (entry.wanted === null) this.#entries.delete(entry.name);
    this.#mustCollect = true;
  }

  #refuse(entry: DeploymentEntry, image: Digest): void {
    const { quarantine } = this.#options.images.get(entry.name);
    const reason = quarantine.find(({ digest }) => digest === image)?.error;
    const because = reason === undefined ? '' : ` (${reason.code}: ${reason.message})`;
    const message = `image ${image}: it failed on this device before${because}; deploy another image`;
    this.#fail(entry, image, new SluiceError('image_quarantined', message));
  }

  #fail(entry: DeploymentEntry, image: Digest, error: SluiceError): void {
    const { clock, limits, logger, onEvent, images } = this.#options;
    const mayRetry = mayTryAgain(images.get(entry.name), image, error.code);
    entry.setback = nextSetback(entry.setback, { image, error, mayRetry, clock, limits });
    const { failures, retryAtMs } = entry.setback;
    logger.warn({ deployment: entry.name, image, code: error.code, failures }, error.message);
    const type = retryAtMs === null ? 'failed' : 'retrying';
    onEvent({ type, deployment: entry.name, image, error: error.toJSON() });
  }

  #noteApplied(): void {
    const desired = this.#desired;
    if (desired === undefined || this.#entries.size !== desired.deployments.length) return;
    const isReached = [...this.#entries.values()].every(
      ({ running, wanted }) => wanted !== null && running === wanted.image.digest,
    );
    if (isReached) this.#applied = desired.version;
  }

  #collectIfIdle(): void {
    const entries = [...this.#entries.values()];
    if (!this.#mustCollect || this.#isCollecting || entries.some(isBusy)) return;
    this.#mustCollect = false;
    this.#isCollecting = true;
    const images = new Set<Digest>();
    const keep = new Set<Digest>();
    for (const entry of entries) {
      const { active, lastGood } = this.#options.images.get(entry.name);
      for (const image of [active, lastGood, entry.wanted?.image.digest]) if (image) images.add(image);
      if (entry.wanted !== null) keep.add(entry.wanted.signature.digest);
    }
    const collected = this.#options.collect({ images, keep }).then(
      () => undefined,
      (thrown: unknown) => this.#options.logger.warn({ reason: String(thrown) }, 'blobs were not collected'),
    );
    this.#track(
      collected.finally(() => {
        this.#isCollecting = false;
      }),
    );
  }
}
