import type { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes, type AedesOptions, type Client, type PublishPacket } from 'aedes';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { workspaceLimits } from '../limits.ts';
import { type ListenerTls, listen } from '../network.ts';
import { AccessRules } from './access-rules.ts';
import { Backlog } from './backlog.ts';
import type { BrokerLink, MessageHandler, PublishOptions } from './broker-link.ts';
import { GuardedConnection } from './guarded-connection.ts';

/** What an embedded broker needs. */
export interface EmbeddedBrokerOptions {
  workspace: string;
  host: string;
  /** 0 takes any free port. */
  port: number;
  tls?: ListenerTls;
  /** Whether a device of that name exists and has that token. */
  authenticate: (device: string, token: Uint8Array) => boolean;
  logger: Logger;
  drainTimeoutMs?: number;
}

/** Return codes of CONNACK (MQTT 3.1.1, table 3.1). */
const badCredentials = 4;
const notAuthorized = 5;

/** aedes inside this process, MQTT 3.1.1, for devices of one workspace. */
export class EmbeddedBroker implements BrokerLink {
  readonly #options: EmbeddedBrokerOptions;
  readonly #rules: AccessRules;
  readonly #subscriptions: { filter: string; handler: MessageHandler }[] = [];
  readonly #listeners: (() => void)[] = [];
  readonly #sessions = new Map<string, Client>();
  /** Those whose credentials were good, but whose session does not stand yet. */
  readonly #joining = new Set<Client>();
  readonly #connections = new Set<GuardedConnection>();
  readonly #backlog: Backlog;
  /** What each session has subscribed: the broker keeps all of it in memory. */
  readonly #filters = new WeakMap<Client, Set<string>>();
  #broker: Aedes | undefined;
  #server: Server | undefined;
  #port = 0;

  constructor(options: EmbeddedBrokerOptions) {
    this.#options = options;
    this.#rules = new AccessRules(options.workspace);
    this.#backlog = new Backlog(options.workspace);
  }

  /** Port that the broker listens on. */
  get port(): number {
    return this.#port;
  }

  get connected(): boolean {
    return this.#broker !== undefined;
  }

  /** Opens the broker and its listener. Throws `port_in_use`. */
  async start(): Promise<void> {
    const { host, port, tls } = this.#options;
    const broker = await Aedes.createBroker(this.#aedesOptions());
    this.#broker = broker;
    this.#watch(broker);
    for (const { filter, handler } of this.#subscriptions) await this.#attach(broker, filter, handler);
    const accept = (socket: Socket) => this.#accept(broker, socket);
    const server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
    server.maxConnections = workspaceLimits.brokerConnectionsMax;
    server.on('tlsClientError', (error) => this.#options.logger.debug({ err: error }, 'MQTT: TLS refused'));
    this.#server = server;
    try {
      this.#port = await listen(server, { host, port, flag: '--mqtt-port' });
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    for (const listener of this.#listeners) listener();
  }

  async stop(): Promise<void> {
    const broker = this.#broker;
    this.#broker = undefined;
    this.#server?.close();
    this.#server = undefined;
    if (broker !== undefined) await new Promise<void>((resolve) => broker.close(() => resolve()));
    for (const connection of this.#connections) connection.destroy();
  }

  publish(topic: string, payload: Uint8Array, options: PublishOptions): Promise<void> {
    const broker = this.#broker;
    if (broker === undefined) {
      return Promise.reject(new SluiceError('broker_unreachable', 'MQTT broker: it is stopped'));
    }
    const packet: PublishPacket = {
      cmd: 'publish',
      topic,
      payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
      qos: options.qos,
      retain: options.retain,
      dup: false,
    };
    const release = this.#backlog.add(topic, payload.byteLength);
    return new Promise((resolve, reject) => {
      broker.publish(packet, (error) => {
        release();
        if (error === undefined || error === null) resolve();
        else reject(new SluiceError('broker_unreachable', `MQTT broker: ${error.message}`, { cause: error }));
      });
    });
  }

  subscribe(filter: string, handler: MessageHandler): void {
    this.#subscriptions.push({ filter, handler });
  }

  onConnected(listener: () => void): void {
    this.#listeners.push(listener);
  }

  backlogBytes(device: string): number {
    // Until aedes has written a message, only its callback knows of it; afterwards only the connection does.
    const waiting = this.#sessions.get(device)?.conn.writableLength ?? 0;
    return Math.max(waiting, this.#backlog.bytes(device));
  }

  /** Ends a device's session, for one whose credentials no longer hold. */
  disconnect(device: string): void {
    this.#sessions.get(device)?.close();
    for (const client of this.#joining) if (client.id === device) client.close();
  }

  #aedesOptions(): AedesOptions {
    return {
      concurrency: workspaceLimits.brokerConcurrency,
      drainTimeout: this.#options.drainTimeoutMs ?? workspaceLimits.brokerDrainTimeoutMs,
      connectTimeout: workspaceLimits.brokerConnectTimeoutMs,
      maxInflightInbound: workspaceLimits.deviceQos2InFlightMax,
      preConnect: (_client, packet, done) => {
        // A kept session queues without a bound while its device is away, and every message here is
        // retained or asked for again; so none is kept (MQTT 3.1.1 section 3.1.2.4 lets a server forget).
        packet.clean = true;
        done(null, true);
      },
      authenticate: (client, username, password, done) => {
        const refusal = this.#refusalOf(client, username, password);
        if (refusal === undefined) {
          this.#joining.add(client);
          client.conn.once('close', () => this.#joining.delete(client));
          done(null, true);
        } else done(Object.assign(new Error(refusal.reason), { returnCode: refusal.code }), false);
      },
      authorizePublish: (client, packet, done) => {
        const bytes = packet.retain ? Buffer.byteLength(packet.payload) : 0;
        const mayRetain = !packet.retain || this.#rules.mayRetain(client?.id ?? '', packet.topic, bytes);
        if (client !== null && this.#rules.mayPublish(client.id, packet.topic) && mayRetain) done(null);
        else done(new SluiceError('forbidden', `MQTT: ${client?.id} may not publish on ${packet.topic}`));
      },
      authorizeSubscribe: (client, subscription, done) => {
        const filters = this.#filters.get(client) ?? new Set();
        const hasRoom =
          filters.has(subscription.topic) || filters.size < workspaceLimits.deviceSubscriptionsMax;
        const allowed = hasRoom && this.#rules.maySubscribe(client.id, subscription.topic);
        if (!allowed) {
          this.#options.logger.warn(
            { device: client.id, filter: subscription.topic },
            hasRoom ? 'MQTT: not its to read' : 'MQTT: too many subscriptions',
          );
        }
        if (allowed) this.#filters.set(client, filters.add(subscription.topic));
        done(null, allowed ? subscription : null);
      },
      authorizeForward: (client, packet) =>
        this.#rules.maySubscribe(client.id, packet.topic) ? packet : null,
    };
  }

  #refusalOf(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
  ): { code: 4 | 5; reason: string } | undefined {
    if (username === undefined || password === undefined) {
      return { code: badCredentials, reason: 'user name and password expected' };
    }
    if (!this.#options.authenticate(username, password)) {
      return { code: badCredentials, reason: 'unknown device or wrong token' };
    }
    if (client.id !== username) {
      return { code: notAuthorized, reason: 'the client id must be the device name' };
    }
    return undefined;
  }

  #watch(broker: Aedes): void {
    const { logger } = this.#options;
    broker.on('client', (client) => {
      this.#joining.delete(client);
      this.#sessions.set(client.id, client);
    });
    broker.on('clientDisconnect', (client) => {
      if (this.#sessions.get(client.id) === client) this.#sessions.delete(client.id);
    });
    broker.on('unsubscribe', (filters, client) => {
      for (const filter of filters) this.#filters.get(client)?.delete(filter);
    });
    const refused = (client: Client, error: Error) =>
      logger.info({ device: client.id, reason: error.message }, 'MQTT: session ended');
    broker.on('clientError', refused);
    broker.on('connectionError', refused);
    // Not among aedes' typed events; without a listener it would end the process.
    const emitter: EventEmitter = broker;
    emitter.on('error', (error) => logger.error({ err: error }, 'MQTT broker'));
  }

  #attach(broker: Aedes, filter: string, handler: MessageHandler): Promise<void> {
    return new Promise((resolve) => {
      broker.subscribe(
        filter,
        (packet, done) => {
          try {
            if (this.connected) handler(packet.topic, toBytes(packet.payload));
          } catch (thrown) {
            this.#options.logger.error({ err: thrown, topic: packet.topic }, 'MQTT: handler failed');
          }
          done();
        },
        resolve,
      );
    });
  }

  #accept(broker: Aedes, socket: Socket): void {
    socket.setNoDelay(true);
    const connection = new GuardedConnection({ socket, packetBytesMax: limits.mqttPacketBytesMax });
    this.#connections.add(connection);
    connection.on('close', () => this.#connections.delete(connection));
    broker.handle(connection);
  }
}

function toBytes(payload: string | Buffer): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}
