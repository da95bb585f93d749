import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { backoffMs } from '../../base/backoff.ts';
import { brokerAddress } from '../../base/broker-address.ts';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { BlobRequest, Presence, ReportedDocument } from '../../contract/messages.ts';
import { type DeviceTopics, deviceTopics } from '../../contract/topics.ts';
import type { AgentLimits } from '../agent-limits.ts';
import type { Clock } from '../clock.ts';
import type { BlockChannel, BlockListener } from '../images/transfer.ts';
import { withTimeout } from '../timing.ts';
import { BlockStreams } from './block-streams.ts';
import type { Identity } from './identity.ts';
import { reportPayload } from './report-payload.ts';
import { Reporter } from './reporter.ts';

/** What a link works with. */
export interface MqttLinkOptions {
  /** Asked before each connection, so a refreshed identity takes effect. */
  identity: () => Identity;
  /** Certificates to trust instead of the system's, PEM. */
  ca?: Buffer;
  /** Identity of this start of the agent. */
  boot: string;
  clock: Clock;
  random: () => number;
  limits: AgentLimits;
  logger: Logger;
  /** A payload came on `dn/desired`; it is not verified yet. */
  onDesired: (envelope: Uint8Array) => void;
  onConnected: () => void;
  /** The document to report now. */
  buildReport: () => Promise<ReportedDocument>;
}

/**
 * The MQTT session of a device: one connection at a time, made anew with full jitter after each loss
 * (MQTT.js' own timer is fixed and has none). Nothing queues here: the newest report waits, and chunks
 * asked for while the link is down fail their transfer.
 */
export class MqttLink implements BlockChannel {
  readonly #options: MqttLinkOptions;
  readonly #reporter: Reporter;
  readonly #streams: BlockStreams;
  #client: MqttClient | undefined;
  #connection = 0;
  #failures = 0;
  #connectedAtMs: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopping = false;
  #lastComplaint = '';

  constructor(options: MqttLinkOptions) {
    this.#options = options;
    this.#streams = new BlockStreams({
      subscribe: (on) => this.#subscribeBlocks(on),
      logger: options.logger,
    });
    this.#reporter = new Reporter({
      intervalMs: options.limits.reportIntervalMs,
      logger: options.logger,
      build: options.buildReport,
      publish: (document) => this.#publishReport(document),
    });
  }

  /** Starts connecting; never waits for the broker. */
  start(): void {
    this.#connect();
  }

  /** Whether the broker has let us in. */
  get isConnected(): boolean {
    return this.#connectedAtMs !== undefined;
  }

  /** The reported document changed; it goes out soon, or after the next connection. */
  report(): void {
    this.#reporter.request();
  }

  openStream(stream: number, listener: BlockListener): Promise<void> {
    return this.#streams.open(stream, listener);
  }

  closeStream(stream: number): void {
    this.#streams.close(stream);
  }

  requestChunks(request: BlobRequest): void {
    if (!this.isConnected) return;
    this.#client?.publish(this.#topics.get, JSON.stringify(request), { qos: 0 }, (error) => {
      if (error) this.#options.logger.debug({ reason: error.message }, 'a blob request was not sent');
    });
  }

  /** Says goodbye and closes. Idempotent; takes at most `linkStopMs`. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    clearTimeout(this.#retry);
    this.#reporter.stop();
    const client = this.#client;
    this.#streams.lost(closedError());
    if (client === undefined) return;
    const { linkStopMs } = this.#options.limits;
    if (this.isConnected) {
      const goodbye = this.#publishPresence(client, 'stopping').then(() => client.endAsync(false));
      await withTimeout(goodbye, { timeoutMs: linkStopMs, late: closedError }).catch(() => undefined);
    }
    client.end(true);
  }

  get #topics(): DeviceTopics {
    return deviceTopics(this.#options.identity());
  }

  #presence(state: Presence['state']): string {
    const { boot } = this.#options;
    const presence: Presence = { schemaVersion: 1, state, boot, connection: this.#connection };
    return JSON.stringify(presence);
  }

  /** A new client for each connection: MQTT.js' `reconnect()` is not safe on a live one. */
  #connect(): void {
    const identity = this.#options.identity();
    this.#connection += 1;
    let reason = 'the broker closed the connection';
    const client = connect(this.#connectOptions(identity));
    this.#client = client;
    client.on('connect', () => this.#onConnected(client));
    client.on('message', (topic, payload) => this.#onMessage(topic, payload));
    client.on('error', (error) => {
      reason = error.message || ('code' in error ? String(error.code) : error.name);
    });
    client.once('close', () => {
      client.end(true);
      this.#onClosed(reason);
    });
  }

  #connectOptions(identity: Identity): IClientOptions {
    const { limits: agentLimits, ca } = this.#options;
    return {
      ...brokerAddress(identity.mqttUrl),
      protocolVersion: 4,
      clean: true,
      clientId: identity.device,
      username: identity.device,
      password: identity.token,
      keepalive: agentLimits.keepaliveSeconds,
      connectTimeout: agentLimits.connectTimeoutMs,
      reconnectPeriod: 0,
      queueQoSZero: false,
      resubscribe: false,
      will: {
        topic: deviceTopics(identity).presence,
        payload: Buffer.from(this.#presence('lost')),
        qos: 1,
        retain: true,
      },
      ...(ca === undefined ? {} : { ca }),
    };
  }

  #onConnected(client: MqttClient): void {
    const { logger, clock, onConnected } = this.#options;
    this.#connectedAtMs = clock.monotonicMs();
    this.#lastComplaint = '';
    logger.info({ broker: this.#options.identity().mqttUrl }, 'connected to the broker');
    const introduce = async (): Promise<void> => {
      await this.#publishPresence(client, 'online');
      await this.#subscribe(client, this.#topics.desired, 1);
    };
    introduce().then(
      () => {
        if (this.#client !== client || !client.connected) return;
        onConnected();
        this.#reporter.resume();
      },
      (thrown: unknown) => {
        this.#complain(thrown instanceof Error ? thrown.message : String(thrown));
        client.end(true);
      },
    );
  }

  #onClosed(reason: string): void {
    const { clock, limits: agentLimits, random } = this.#options;
    const wasStable =
      this.#connectedAtMs !== undefined &&
      clock.monotonicMs() - this.#connectedAtMs >= agentLimits.connectStableMs;
    this.#connectedAtMs = undefined;
    this.#reporter.pause();
    this.#streams.lost(new SluiceError('broker_unreachable', `broker: ${reason}`));
    if (this.#stopping) return;
    this.#complain(reason);
    this.#failures = wasStable ? 1 : this.#failures + 1;
    const { connectBaseMs: baseMs, connectCapMs: capMs } = agentLimits;
    const delayMs = random() * backoffMs({ failures: this.#failures, baseMs, capMs });
    this.#retry = setTimeout(() => this.#connect(), delayMs);
  }

  /** A broker that stays away is worth one line, not one line per attempt. */
  #complain(reason: string): void {
    const level = reason === this.#lastComplaint ? 'debug' : 'warn';
    this.#lastComplaint = reason;
    const { mqttUrl } = this.#options.identity();
    this.#options.logger[level]({ code: 'broker_unreachable' }, `broker ${mqttUrl}: ${reason}; trying again`);
  }

  #onMessage(topic: string, payload: Buffer): void {
    if (payload.length > limits.mqttPacketBytesMax) return;
    if (topic === this.#topics.block) this.#streams.onFrame(payload);
    else if (topic === this.#topics.desired) this.#options.onDesired(payload);
  }

  async #publishPresence(client: MqttClient, state: Presence['state']): Promise<void> {
    const { presence } = this.#topics;
    await this.#acknowledged(client.publishAsync(presence, this.#presence(state), { qos: 1, retain: true }));
  }

  async #publishReport(document: ReportedDocument): Promise<void> {
    const payload = reportPayload(document);
    const client = this.#client;
    if (client === undefined || !this.isConnected) throw closedError();
    const { reported } = this.#topics;
    await this.#acknowledged(client.publishAsync(reported, payload, { qos: 1, retain: true }));
  }

  async #subscribeBlocks(on: boolean): Promise<void> {
    const client = this.#client;
    if (client === undefined || !this.isConnected) throw closedError();
    if (on) await this.#subscribe(client, this.#topics.block, 0);
    else await this.#acknowledged(client.unsubscribeAsync(this.#topics.block));
  }

  async #subscribe(client: MqttClient, topic: string, qos: 0 | 1): Promise<void> {
    const granted = await this.#acknowledged(client.subscribeAsync(topic, { qos }));
    if (!granted.some((grant) => grant.qos === 128)) return;
    throw new SluiceError('broker_unreachable', `broker: it does not let this device read ${topic}`);
  }

  #acknowledged<Value>(work: Promise<Value>): Promise<Value> {
    const { acknowledgeTimeoutMs: timeoutMs } = this.#options.limits;
    const late = (): SluiceError =>
      new SluiceError('broker_unreachable', `broker: no acknowledgement in ${timeoutMs} ms`);
    return withTimeout(work, { timeoutMs, late });
  }
}

function closedError(): SluiceError {
  return new SluiceError('broker_unreachable', 'broker: not connected');
}
