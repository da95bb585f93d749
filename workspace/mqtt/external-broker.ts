import mqtt, { type MqttClient } from 'mqtt';
import { backoffMs } from '../../base/backoff.ts';
import { brokerAddress } from '../../base/broker-address.ts';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import { workspaceLimits } from '../limits.ts';
import type { BrokerLink, MessageHandler, PublishOptions } from './broker-link.ts';
import { filterMatches } from './topic-filters.ts';

/** How to reach a broker that runs elsewhere. */
export interface ExternalBrokerOptions {
  /** `mqtt://` or `mqtts://`, with or without `user:password@`. */
  url: string;
  username?: string;
  password?: string;
  clientId: string;
  logger: Logger;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** A connection to an outside broker; it comes back by itself, with full jitter between the tries. */
export class ExternalBroker implements BrokerLink {
  readonly #options: ExternalBrokerOptions;
  readonly #subscriptions: { filter: string; handler: MessageHandler }[] = [];
  readonly #listeners: (() => void)[] = [];
  #client: MqttClient | undefined;
  #ready = false;
  #stopped = true;
  #failures = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #stableTimer: NodeJS.Timeout | undefined;

  constructor(options: ExternalBrokerOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#ready;
  }

  /** Makes the first try; an unreachable broker is logged and tried again, not thrown. */
  async start(): Promise<void> {
    this.#stopped = false;
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ready = false;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#stableTimer);
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    // A forced end waits for nobody; the broker sees the socket close, and this client has no will.
    await client.endAsync(true);
  }

  async publish(topic: string, payload: Uint8Array, options: PublishOptions): Promise<void> {
    const client = this.#client;
    if (client === undefined || !this.#ready) throw this.#unreachable('not connected');
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    await new Promise<void>((resolve, reject) => {
      const lost = () => settle(this.#unreachable('the connection was lost'));
      const timer = setTimeout(
        () => settle(this.#unreachable('no acknowledgement in time')),
        workspaceLimits.externalPublishTimeoutMs,
      );
      const settle = (error?: Error) => {
        clearTimeout(timer);
        client.off('close', lost);
        if (error === undefined) resolve();
        else reject(error);
      };
      client.once('close', lost);
      client.publish(topic, bytes, options, (error) => {
        settle(error ? this.#unreachable(error.message) : undefined);
      });
    });
  }

  subscribe(filter: string, handler: MessageHandler): void {
    this.#subscriptions.push({ filter, handler });
  }

  onConnected(listener: () => void): void {
    this.#listeners.push(listener);
  }

  backlogBytes(): number {
    return this.#client?.stream?.writableLength ?? 0;
  }

  /** Settles when this try has succeeded or failed. */
  #connect(): Promise<void> {
    const { url, username, password, clientId } = this.#options;
    const client = mqtt.connect({
      ...brokerAddress(url),
      protocolVersion: 4,
      clean: true,
      clientId,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      keepalive: workspaceLimits.externalKeepaliveSeconds,
      connectTimeout: workspaceLimits.externalConnectTimeoutMs,
    });
    // Publications that wait for an answer listen for the close; their number is bounded by their callers.
    client.setMaxListeners(0);
    this.#client = client;
    let reason = 'no answer';
    client.on('error', (error) => {
      reason = error.message;
    });
    client.on('message', (topic, payload) => this.#dispatch(topic, payload));
    return new Promise((resolve) => {
      client.once('connect', () => void this.#connected(client).then(resolve));
      client.once('close', () => {
        this.#lost(client, reason);
        resolve();
      });
    });
  }

  async #connected(client: MqttClient): Promise<void> {
    try {
      for (const { filter } of this.#subscriptions) await client.subscribeAsync(filter, { qos: 1 });
    } catch (thrown) {
      this.#options.logger.error({ err: thrown }, 'MQTT broker: it refused a subscription of the workspace');
      client.end(true);
      return;
    }
    if (this.#client !== client || !client.connected) return;
    this.#ready = true;
    this.#stableTimer = setTimeout(() => {
      this.#failures = 0;
    }, workspaceLimits.reconnectStableMs).unref();
    this.#options.logger.info('MQTT broker: connected');
    for (const listener of this.#listeners) listener();
  }

  #lost(client: MqttClient, reason: string): void {
    this.#ready = false;
    clearTimeout(this.#stableTimer);
    client.end(true);
    if (this.#stopped) return;
    this.#failures += 1;
    const { reconnectBaseMs: baseMs, reconnectCapMs: capMs } = workspaceLimits;
    // Full jitter: many workspaces that lost one broker do not come back at once.
    const delayMs = this.#options.random() * backoffMs({ failures: this.#failures, baseMs, capMs });
    this.#options.logger.warn(
      { error: this.#unreachable(reason).toJSON(), delayMs },
      'MQTT broker: not connected',
    );
    this.#retryTimer = setTimeout(() => void this.#connect(), delayMs);
  }

  #dispatch(topic: string, payload: Uint8Array): void {
    for (const { filter, handler } of this.#subscriptions) {
      if (!filterMatches(filter, topic)) continue;
      try {
        handler(topic, payload);
      } catch (thrown) {
        this.#options.logger.error({ err: thrown, topic }, 'MQTT: handler failed');
      }
    }
  }

  #unreachable(reason: string): SluiceError {
    const { host } = new URL(this.#options.url);
    return new SluiceError('broker_unreachable', `MQTT broker ${host}: ${reason}`);
  }
}
