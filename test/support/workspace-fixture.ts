import { readFile } from 'node:fs/promises';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { createLogger } from '../../base/logger.ts';
import type { AddedDevice, Image, Model } from '../../contract/workspace-api.ts';
import { Workspace, type WorkspaceAddresses, type WorkspaceOptions } from '../../workspace/workspace.ts';
import { repositoryPath, temporaryFolder } from './paths.ts';

/** A logger that says nothing. */
export const silentLogger = createLogger({ name: 'test', level: 'silent' });

/** An answer of the API with its body read. */
export interface ApiAnswer {
  status: number;
  headers: Headers;
  body: unknown;
}

/** A workspace that runs in this process, with its administrator's client. */
export class RunningWorkspace {
  readonly addresses: WorkspaceAddresses;
  readonly stateFolder: string;
  readonly adminToken: string;
  readonly #workspace: Workspace;

  constructor(options: {
    workspace: Workspace;
    addresses: WorkspaceAddresses;
    stateFolder: string;
    adminToken: string;
  }) {
    this.#workspace = options.workspace;
    this.addresses = options.addresses;
    this.stateFolder = options.stateFolder;
    this.adminToken = options.adminToken;
  }

  stop(): Promise<void> {
    return this.#workspace.stop();
  }

  /** Calls the API as the administrator; `body` is sent as it is when it is text or bytes, else as JSON. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer> {
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(`${this.addresses.apiUrl}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.adminToken}`, ...headers },
      ...(body === undefined
        ? {}
        : { body: raw ? (body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = text !== '' && response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
  }

  /** The same; anything but success fails the test. */
  async expect<Body>(method: string, path: string, body?: unknown): Promise<Body> {
    const answer = await this.call(method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as Body;
  }

  async upload(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    await this.expect('PUT', `/blobs/${digest}`, bytes);
    return digest;
  }

  async addDevice(name: string): Promise<AddedDevice> {
    return this.expect<AddedDevice>('POST', '/devices', { name });
  }

  /** Registers the fashion model. */
  async registerFashion(name = 'fashion'): Promise<Model> {
    const file = await this.upload(await readFile(repositoryPath('samples', 'fashion', 'model.onnx')));
    return this.expect<Model>('POST', '/models', { name, file });
  }

  /** Registers the fashion model and builds an image of it. */
  async buildFashion(extra: object = {}): Promise<Image> {
    await this.registerFashion();
    return this.expect<Image>('POST', '/images', { name: 'fashion', model: 'fashion:1', ...extra });
  }

  /** Connects as a device; resolves when connected, rejects with the broker's refusal. */
  connect(device: string, token: string, options: IClientOptions = {}): Promise<MqttClient> {
    return connectMqtt(this.addresses.mqttUrl, {
      clientId: device,
      username: device,
      password: token,
      ...options,
    });
  }
}

/** Starts a workspace on free ports that stops when the test ends. */
export async function startWorkspace(options: Partial<WorkspaceOptions> = {}): Promise<RunningWorkspace> {
  const stateFolder = options.stateFolder ?? temporaryFolder();
  const workspace = await runWorkspace({ ...options, stateFolder });
  onTestFinished(() => workspace.stop());
  return workspace;
}

/** Starts a workspace on free ports that whoever asked for it stops. */
export async function runWorkspace(
  options: Partial<WorkspaceOptions> & { stateFolder: string },
): Promise<RunningWorkspace> {
  const { stateFolder } = options;
  const workspace = new Workspace({ apiPort: 0, mqttPort: 0, logger: silentLogger, ...options });
  const addresses = await workspace.start();
  const adminToken = (await readFile(addresses.adminTokenPath, 'utf8')).trim();
  return new RunningWorkspace({ workspace, addresses, stateFolder, adminToken });
}

/** One MQTT 3.1.1 connection that never comes back by itself and goes when the test ends. */
export async function connectMqtt(url: string, options: IClientOptions): Promise<MqttClient> {
  const client = mqtt.connect(url, {
    protocolVersion: 4,
    reconnectPeriod: 0,
    connectTimeout: 5_000,
    ...options,
  });
  onTestFinished(() => client.endAsync(true));
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', reject);
    client.once('close', () => reject(new Error('closed before the connection stood')));
  });
  client.on('error', () => undefined);
  return client;
}

/** Every message that a client gets, in order; `next` waits for one that fits. */
export class Inbox {
  readonly messages: { topic: string; payload: Buffer; retain: boolean }[] = [];
  #waiters: (() => void)[] = [];

  constructor(client: MqttClient) {
    client.on('message', (topic, payload, packet) => {
      this.messages.push({ topic, payload, retain: packet.retain });
      for (const waiter of this.#waiters.splice(0)) waiter();
    });
  }

  async until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }
}

/** Waits until a condition holds, looking every few milliseconds; the test's time limit ends it. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
