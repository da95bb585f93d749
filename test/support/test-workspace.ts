import { generateKeyPairSync } from 'node:crypto';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes, type Client } from 'aedes';
import { keyIdOf, signEnvelope } from '../../base/dsse.ts';
import { encodeBlockFrame } from '../../contract/block-frame.ts';
import {
  type BlobRequest,
  type DesiredDeployment,
  type DesiredDocument,
  desiredPayloadType,
  type Presence,
  type ReportedDocument,
} from '../../contract/messages.ts';
import type { Digest } from '../../contract/names.ts';
import { deviceTopics } from '../../contract/topics.ts';
import { chunkOf } from './blobs.ts';

/** What the publisher does with one chunk instead of sending it. */
export type Fault = 'drop' | 'corrupt' | 'duplicate' | 'wrong-stream' | 'refuse' | undefined;

const { publicKey, privateKey } = generateKeyPairSync('ed25519');

/**
 * A workspace small enough to misbehave: a real aedes broker, a bootstrap endpoint, and a publisher of
 * blocks with faults. It shares no code with the real one beyond the contract.
 */
export class TestWorkspace {
  readonly device = 'd1';
  readonly token = 'a-token';
  readonly key = privateKey;
  readonly blobs = new Map<Digest, Uint8Array>();
  /** Chunks sent, as `digest/index`, in order. */
  readonly sent: string[] = [];
  readonly presence: Presence[] = [];
  reported: ReportedDocument | undefined;
  fault: (digest: Digest, index: number) => Fault = () => undefined;
  epoch = 'e1';
  #broker: Aedes | undefined;
  #mqtt: Server | undefined;
  #http: HttpServer | undefined;
  #mqttPort = 0;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#http)}`;
  }

  async start(): Promise<void> {
    await this.startBroker();
    const http = createHttpServer((request, response) => {
      if (request.headers.authorization !== `Bearer ${this.token}`) {
        response.writeHead(401).end();
        return;
      }
      const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
      const { device, epoch } = this;
      const trustedKeys = { [keyIdOf(publicKey)]: pem };
      const mqttUrl = `mqtt://127.0.0.1:${this.#mqttPort}`;
      response.end(JSON.stringify({ workspace: 'local', device, mqttUrl, trustedKeys, epoch }));
    });
    this.#http = http;
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  }

  /** Opens the broker, on the same port as before when it was stopped. */
  async startBroker(): Promise<void> {
    const broker = await Aedes.createBroker({ concurrency: 10_000, drainTimeout: 5_000 });
    broker.authenticate = (client: Client, username, password, done) => {
      const isKnown = client.id === this.device && username === this.device;
      done(null, isKnown && password?.toString() === this.token);
    };
    broker.on('publish', (packet, client) => {
      if (client !== null) this.#onPublish(packet.topic, Buffer.from(packet.payload));
      if (client === null && packet.topic.endsWith('/up/presence')) {
        this.#onPublish(packet.topic, Buffer.from(packet.payload));
      }
    });
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      broker.handle(socket);
    });
    await new Promise<void>((resolve) => server.listen(this.#mqttPort, '127.0.0.1', resolve));
    this.#mqttPort = portOf(server);
    this.#broker = broker;
    this.#mqtt = server;
  }

  /** Kills every connection and the broker with all that it kept. */
  async stopBroker(): Promise<void> {
    const [server, broker] = [this.#mqtt, this.#broker];
    this.#mqtt = undefined;
    this.#broker = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    if (broker !== undefined) await new Promise<void>((resolve) => broker.close(() => resolve()));
  }

  async stop(): Promise<void> {
    await this.stopBroker();
    const http = this.#http;
    if (http === undefined) return;
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
    this.#http = undefined;
  }

  /** Publishes a signed desired document, retained. */
  desire(generation: number, deployments: DesiredDeployment[], changes: Partial<DesiredDocument> = {}): void {
    const document: DesiredDocument = {
      schemaVersion: 1,
      workspace: 'local',
      device: this.device,
      version: { epoch: this.epoch, generation },
      issuedAt: new Date(0).toISOString(),
      deployments,
      ...changes,
    };
    this.publishDesired(signEnvelope({ payloadType: desiredPayloadType, payload: document, key: this.key }));
  }

  /** Publishes anything on `dn/desired`, retained. */
  publishDesired(payload: Uint8Array): void {
    this.#publish(this.#topics.desired, payload, { qos: 1, retain: true });
  }

  /** Resolves when a condition on what the device reported holds. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadlineMs = Date.now() + 15_000;
    while (!condition()) {
      if (Date.now() > deadlineMs) {
        throw new Error(`${what}: not in 15 s; last report ${JSON.stringify(this.reported)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  get #topics() {
    return deviceTopics({ workspace: 'local', device: this.device });
  }

  #onPublish(topic: string, payload: Buffer): void {
    if (topic === this.#topics.presence) this.presence.push(JSON.parse(payload.toString()) as Presence);
    if (topic === this.#topics.reported) this.reported = JSON.parse(payload.toString()) as ReportedDocument;
    if (topic === this.#topics.get) this.#onRequest(JSON.parse(payload.toString()) as BlobRequest);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #onRequest(request: BlobRequest): void {
    for (const [first, count] of request.ranges) {
      for (let index = first; index < first + count; index += 1) this.#answer(request, index);
    }
  }

  #answer({ digest, stream }: BlobRequest, index: number): void {
    const blob = this.blobs.get(digest);
    const fault = blob === undefined ? 'refuse' : this.fault(digest, index);
    if (fault === 'drop') return;
    if (blob === undefined || fault === 'refuse') {
      const error = { code: 'blob_unavailable' as const, message: 'not here' };
      this.#publish(this.#topics.block, encodeBlockFrame({ kind: 'refusal', stream, index, error }));
      return;
    }
    const bytes = Uint8Array.from(chunkOf(blob, index));
    if (fault === 'corrupt') bytes[0] = (bytes[0] ?? 0) ^ 0xff;
    const of = fault === 'wrong-stream' ? stream ^ 1 : stream;
    const frame = encodeBlockFrame({ kind: 'data', stream: of, index, bytes });
    this.#publish(this.#topics.block, frame);
    if (fault === 'duplicate') this.#publish(this.#topics.block, frame);
    this.sent.push(`${digest}/${index}`);
  }

  #publish(
    topic: string,
    payload: Uint8Array,
    options: { qos: 0 | 1; retain: boolean } = { qos: 0, retain: false },
  ): void {
    this.#broker?.publish(
      { cmd: 'publish', topic, payload: Buffer.from(payload), dup: false, ...options },
      () => undefined,
    );
  }
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server does not listen');
  return address.port;
}
