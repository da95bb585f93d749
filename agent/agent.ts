import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobStore } from '../base/blob-store.ts';
import { removeTemporaryFiles } from '../base/durable-files.ts';
import type { Logger } from '../base/logger.ts';
import { isLoopback } from '../base/loopback.ts';
import { parserOf } from '../base/validate.ts';
import { sluiceVersion } from '../base/version.ts';
import { SluiceError, toSluiceError } from '../contract/errors.ts';
import type { DesiredDocument, DesiredVersion, ReportedDocument } from '../contract/messages.ts';
import { Name } from '../contract/names.ts';
import type { AgentEvent } from './agent-events.ts';
import { type AgentLimits, agentLimits } from './agent-limits.ts';
import { type Clock, systemClock } from './clock.ts';
import { collectGarbage } from './images/collect.ts';
import { ImageSet } from './images/image-set.ts';
import { ImagePuller } from './images/puller.ts';
import { DesiredState } from './link/desired.ts';
import { DesiredIntake } from './link/desired-intake.ts';
import { type Identity, type IdentitySource, loadIdentity, refreshIdentity } from './link/identity.ts';
import type { MqttLink } from './link/mqtt-link.ts';
import type { EndpointSettings } from './scoring/endpoint-settings.ts';
import type { ListenerSettings } from './scoring/listener-settings.ts';
import { StateLock } from './state-lock.ts';
import type { NpuDescription, ScoringStart } from './supervise/control-protocol.ts';
import { KeptEndpoints } from './supervise/kept-endpoints.ts';
import type { NpuSelection } from './supervise/npu-selection.ts';
import { Reconciler } from './supervise/reconciler.ts';
import { ScoringProcess } from './supervise/scoring-process.ts';

export type { AgentEvent } from './agent-events.ts';

/** How an agent is run. */
export interface AgentOptions {
  /** Everything the device remembers; one agent at a time. */
  stateFolder: string;
  device: string;
  /** Needed at the first start only, like the token. */
  workspaceUrl?: string;
  token?: string;
  /** Certificates to trust for workspace and broker instead of the system's, PEM. */
  caFile?: string;
  /** Address and port of the scoring API; 127.0.0.1 and 5001 if not given, 0 for any port, null for no TCP. */
  host?: string;
  port?: number | null;
  /** TLS, and a Unix-domain socket. */
  listeners?: ListenerSettings;
  /** How many processes score; 1 if not given. */
  processes?: number;
  npu: NpuSelection | null;
  endpoint?: EndpointSettings;
  /** What collected data may take on disk; 256 MiB if not given, 0 to collect nothing whatever the workspace wants. */
  collectionBytesMax?: number;
  logger: Logger;
  onEvent?: (event: AgentEvent) => void;
  clock?: Clock;
  random?: () => number;
  limits?: Partial<AgentLimits>;
  /** The scoring process's script, when not the one beside this file. */
  scoringEntry?: URL;
  /** A scoring process that was started already and waits for its argument (agent/supervise/spawn-scoring.ts). */
  spawnedScoring?: ChildProcess;
}

const nameParser = parserOf(Name, { what: 'device name', code: 'invalid_name' });

/**
 * The control process of a device. It serves the last good images from disk first, and only then looks
 * for its workspace; whatever the link brings, what runs goes on answering.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #limits: AgentLimits;
  readonly #clock: Clock;
  readonly #boot = randomUUID();
  readonly #lock: StateLock;
  readonly #blobs: BlobStore;
  readonly #images: ImageSet;
  readonly #endpoints: KeptEndpoints;
  readonly #scoring: ScoringProcess;
  readonly #desired: DesiredState;
  readonly #reconciler: Reconciler;
  readonly #intake: DesiredIntake;
  readonly #stopping = new AbortController();
  #onServing: () => void = () => undefined;
  /** Resolved when something of the disk is served, or cannot be. */
  readonly #serving = new Promise<void>((resolve) => {
    this.#onServing = resolve;
  });
  #link: MqttLink | undefined;
  #identity: Identity | undefined;
  #ca: Buffer | undefined;
  #npu: NpuDescription | null = null;
  #sequence = 0;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: AgentOptions) {
    const { stateFolder, logger } = options;
    this.#options = options;
    this.#limits = { ...agentLimits, ...options.limits };
    this.#clock = options.clock ?? systemClock;
    this.#lock = new StateLock(stateFolder);
    this.#blobs = new BlobStore(join(stateFolder, 'oci'));
    this.#images = new ImageSet({ path: join(stateFolder, 'deployments.json'), logger });
    this.#endpoints = new KeptEndpoints({ path: join(stateFolder, 'endpoints.json'), logger });
    this.#desired = new DesiredState({ stateFolder, audience: () => this.#knownIdentity(), logger });
    this.#scoring = this.#makeScoring();
    this.#reconciler = this.#makeReconciler();
    this.#intake = new DesiredIntake({
      desired: this.#desired,
      clock: this.#clock,
      limits: this.#limits,
      logger,
      onAccepted: (document) => {
        this.#configureEndpoints(document);
        this.#reconciler.setDesired(document);
      },
      onChange: () => this.#link?.report(),
    });
  }

  /**
   * Resolves when the scoring process listens; the link follows. Throws `state_invalid`,
   * `port_in_use`, `usage`, `scoring_crashed`, `cancelled` when it is stopped meanwhile, and at the first start `unauthorized`, `not_found` or `workspace_unreachable`;
   * then nothing is left running.
   */
  async start(): Promise<void> {
    this.#starting = this.#start();
    try {
      await this.#starting;
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /** Says goodbye to the broker, lets running requests end, and stops within 3 s. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new SluiceError('cancelled', 'the agent stops'));
    this.#intake.stop();
    await Promise.all([this.#link?.stop(), this.#reconciler.stop(), this.#scoring.stop()]);
    // A start under way may hold the lock, or be about to take it.
    await this.#starting?.catch(() => undefined);
    await this.#endpoints.stop();
    this.#lock.stop();
  }

  async #start(): Promise<void> {
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    nameParser.parse(this.#options.device);
    await this.#lock.start();
    signal.throwIfAborted();
    await removeTemporaryFiles(this.#options.stateFolder);
    await this.#blobs.start();
    await this.#readCa();
    const stored = await loadIdentity(this.#identitySource);
    this.#identity = stored ?? (await refreshIdentity(this.#identitySource, undefined));
    await this.#images.start();
    await this.#desired.start();
    signal.throwIfAborted();
    if (this.#desired.current === undefined) await this.#restoreEndpoints();
    else this.#configureEndpoints(this.#desired.current);
    this.#reconciler.start(this.#desired.current);
    this.#warnOfPlainText();
    // The link's library takes as long to load as the rest of this process: as the scoring process does meanwhile.
    const [, { MqttLink }] = await Promise.all([this.#scoring.start(), import('./link/mqtt-link.ts')]);
    void this.#join(stored, MqttLink);
  }

  /** Runs beside the serving, which needs none of it. */
  async #join(stored: Identity | undefined, Link: typeof MqttLink): Promise<void> {
    if (this.#images.names().length > 0) await this.#untilServing();
    if (stored !== undefined) await this.#refresh(stored);
    if (this.#stopped !== undefined) return;
    this.#link = this.#makeLink(Link);
    this.#link.start();
  }

  /** What is on the disk is served first: connecting keeps this thread busy for as long as activating takes. */
  async #untilServing(): Promise<void> {
    await Promise.race([
      this.#serving,
      new Promise((resolve) => setTimeout(resolve, this.#limits.linkDelayMs).unref()),
    ]);
  }

  get #identitySource(): IdentitySource {
    const { stateFolder, device, workspaceUrl, token } = this.#options;
    return {
      stateFolder,
      device,
      timeoutMs: this.#limits.bootstrapTimeoutMs,
      bytesMax: this.#limits.bootstrapBytesMax,
      signal: this.#stopping.signal,
      ...(workspaceUrl === undefined ? {} : { workspaceUrl }),
      ...(token === undefined ? {} : { token }),
      ...(this.#ca === undefined ? {} : { ca: this.#ca }),
    };
  }

  async #readCa(): Promise<void> {
    const { caFile } = this.#options;
    if (caFile === undefined) return;
    try {
      this.#ca = await readFile(caFile);
    } catch (thrown) {
      throw new SluiceError('usage', `${caFile}: the certificates cannot be read`, { cause: thrown });
    }
  }

  #warnOfPlainText(): void {
    const { host = '127.0.0.1', port, endpoint, listeners, logger } = this.#options;
    const hasTcp = port !== null || typeof endpoint?.grpcPort === 'number';
    if (!hasTcp || listeners?.tls !== undefined || isLoopback(host)) return;
    logger.warn(
      `scoring endpoint: ${host} can be reached from other machines, and requests travel unencrypted; see --tls-certificate`,
    );
  }

  /** A known device does not need its workspace: it hears the news if there are any. */
  async #refresh(stored: Identity): Promise<void> {
    try {
      this.#identity = await refreshIdentity(this.#identitySource, stored);
    } catch (thrown) {
      if (this.#stopped !== undefined) return;
      const { code, message } = toSluiceError(thrown);
      this.#options.logger.warn({ code }, `${message}; going on with what is known`);
    }
  }

  #knownIdentity(): Identity {
    if (this.#identity === undefined) throw new Error('the identity is used before it is known');
    return this.#identity;
  }

  #makeScoring(): ScoringProcess {
    const { host, port, npu, endpoint = {}, listeners = {}, processes, logger } = this.#options;
    const { scoringEntry, spawnedScoring } = this.#options;
    const isSeveral = processes !== undefined && processes > 1;
    return new ScoringProcess({
      entry: scoringEntry ?? new URL(`./scoring/${isSeveral ? 'cluster/' : ''}main.js`, import.meta.url),
      ...(spawnedScoring === undefined ? {} : { spawned: spawnedScoring }),
      start: {
        host: host ?? '127.0.0.1',
        port: port === undefined ? 5001 : port,
        listeners,
        ...(processes === undefined ? {} : { processes }),
        blobRoot: join(this.#options.stateFolder, 'oci'),
        npu,
        endpoint,
        ...this.#collectionStart(),
        logLevel: logger.level,
      },
      clock: this.#clock,
      limits: this.#limits,
      logger,
      onListening: (listening) => {
        this.#npu = listening.npu;
        const { socket } = listeners;
        this.#emit({
          type: 'listening',
          ...listening,
          ...(socket === undefined ? {} : { socket: socket.path }),
        });
        this.#reconciler.scoringListening(listening.npu);
      },
      onDown: () => this.#reconciler.scoringDown(),
      onConfigured: () => this.#link?.report(),
      onProcessDied: () => {
        // Whoever was on trial is blamed; what is wanted is asked for again, which most processes have already.
        this.#reconciler.scoringDown();
        this.#reconciler.scoringListening(this.#npu);
      },
    });
  }

  #collectionStart(): Pick<ScoringStart, 'collection'> {
    const {
      stateFolder,
      device,
      collectionBytesMax: bytesMax = this.#limits.collectionBytesMax,
    } = this.#options;
    return bytesMax === 0 ? {} : { collection: { folder: join(stateFolder, 'collected'), device, bytesMax } };
  }

  #configureEndpoints({ version, endpoints = [], deployments }: DesiredDocument): void {
    const wanted = { version, endpoints, deployments: deployments.map(({ name }) => name) };
    const collect = Object.fromEntries(
      deployments.flatMap(({ name, collect: wish }) => (wish === undefined ? [] : [[name, wish]])),
    );
    this.#scoring.configure({ ...wanted, collect });
    // Nothing is collected on the word of a document that is lost.
    this.#endpoints.keep(wanted);
  }

  /** What served before serves again also when the desired document is lost, and behind the same keys. */
  async #restoreEndpoints(): Promise<void> {
    const kept = await this.#endpoints.load(this.#images.names());
    if (kept !== undefined) this.#scoring.configure(kept);
  }

  #makeReconciler(): Reconciler {
    const { stateFolder, logger, random } = this.#options;
    const partialFolder = join(stateFolder, 'partial');
    const puller = new ImagePuller({
      blobs: this.#blobs,
      partialFolder,
      channel: {
        openStream: async (stream, listener) => this.#openLink().openStream(stream, listener),
        closeStream: (stream) => this.#link?.closeStream(stream),
        requestChunks: (request) => this.#link?.requestChunks(request),
      },
      trustedKeys: () => this.#knownIdentity().trustedKeys,
      clock: this.#clock,
      random: random ?? Math.random,
      limits: this.#limits,
    });
    return new Reconciler({
      images: this.#images,
      puller,
      scoring: this.#scoring,
      collect: (needed) => collectGarbage({ blobs: this.#blobs, partialFolder, ...needed }),
      clock: this.#clock,
      limits: this.#limits,
      logger,
      onChange: () => this.#link?.report(),
      onEvent: (event) => this.#emit(event),
    });
  }

  #openLink(): MqttLink {
    if (this.#link === undefined) throw new SluiceError('broker_unreachable', 'broker: not connected yet');
    return this.#link;
  }

  #makeLink(Link: typeof MqttLink): MqttLink {
    return new Link({
      identity: () => this.#knownIdentity(),
      ...(this.#ca === undefined ? {} : { ca: this.#ca }),
      boot: this.#boot,
      clock: this.#clock,
      random: this.#options.random ?? Math.random,
      limits: this.#limits,
      logger: this.#options.logger,
      onDesired: (envelope) => this.#intake.take(envelope),
      onConnected: () => this.#reconciler.linkUp(),
      buildReport: () => this.#buildReport(),
    });
  }

  async #buildReport(): Promise<ReportedDocument> {
    const { bavail, bsize } = await statfs(this.#options.stateFolder);
    const { applied, deployments } = this.#reconciler.snapshot();
    const seen: DesiredVersion | null = this.#desired.current?.version ?? null;
    this.#sequence += 1;
    return {
      schemaVersion: 1,
      device: this.#options.device,
      boot: this.#boot,
      sequence: this.#sequence,
      reportedAt: this.#clock.now().toISOString(),
      seen,
      applied,
      refused: this.#intake.refused,
      scoring: this.#scoring.status,
      deployments,
      npu: this.#npu,
      disk: { freeBytes: bavail * bsize },
      agentVersion: sluiceVersion,
    };
  }

  #emit(event: AgentEvent): void {
    // What cannot be served needs the link.
    if (['serving', 'retrying', 'failed'].includes(event.type)) this.#onServing();
    this.#options.onEvent?.(event);
  }
}
