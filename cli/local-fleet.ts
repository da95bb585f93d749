import { type ChildProcess, fork } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentMessage } from '../agent/agent-events.ts';
import { createLogger } from '../base/logger.ts';
import { SluiceError } from '../contract/errors.ts';
import type { Image, Model } from '../contract/workspace-api.ts';
import { Workspace, type WorkspaceAddresses } from '../workspace/workspace.ts';
import { npuSelection } from './commands/agent.ts';
import { buildImageFrom } from './commands/image.ts';
import { connectWorkspace, writeEndpoint } from './context.ts';
import { describeEvent } from './describe-event.ts';
import { stateFolders } from './global-options.ts';
import { formatCount, printProgress } from './output.ts';
import type { WorkspaceClient } from './workspace-client.ts';

const packageRoot = fileURLToPath(new URL('../../', import.meta.url));
const sampleFolder = join(packageRoot, 'samples', 'fashion');
const agentEntry = fileURLToPath(new URL('../agent/main.js', import.meta.url));
/** The device that `sluice up` runs. */
export const localDevice = 'edge-1';
const sampleName = 'fashion';
/** A device that has not come up by then has a problem that its log names. */
const readyTimeoutMs = 120_000;
const agentStopTimeoutMs = 2_800;

/** Options of `sluice up`. */
export interface LocalFleetOptions {
  state: string;
  port: number;
  /** Absent for none. */
  grpcPort?: number;
  /** Progress as JSON lines. */
  json: boolean;
  /** Hardware configuration to simulate, or `none`. */
  npu: string;
  logLevel: string;
}

/** A workspace and one device on this machine, with the sample deployed. */
export class LocalFleet {
  readonly #options: LocalFleetOptions;
  #workspace: Workspace | undefined;
  #agent: ChildProcess | undefined;
  #agentEnded: Promise<SluiceError> | undefined;
  /** Settles when the workspace is up, or is not going to be. */
  #workspaceStarted: Promise<unknown> = Promise.resolve();
  #stopping = false;
  /** The one that was asked for may be 0: any. */
  #scoringPort: number | undefined;

  constructor(options: LocalFleetOptions) {
    this.#options = options;
  }

  /** Brings everything up, telling each stage and, at last, what to try next. */
  async start(): Promise<void> {
    await requireFreePort(this.#options.port);
    const addresses = await this.#startWorkspace();
    await writeEndpoint(this.#options.state, { apiUrl: addresses.apiUrl, mqttUrl: addresses.mqttUrl });
    this.#tell('workspace', `up: API ${addresses.apiUrl}, MQTT ${addresses.mqttUrl}`);
    const client = await connectWorkspace(this.#options);
    const model = await this.#registerModel(client);
    const image = await this.#buildImage(client, model);
    const token = await this.#ensureDevice(client);
    const serving = this.#startAgent({ apiUrl: addresses.apiUrl, token, digest: image.digest });
    serving.catch(() => undefined);
    await client.putDeployment(sampleName, {
      image: `${image.name}:${image.version}`,
      devices: [localDevice],
    });
    this.#tell('deploy', `${sampleName} serves ${image.name}:${image.version} on ${localDevice}`);
    await serving;
    this.#invite();
  }

  /** Rejects when a part ends that should go on. */
  async failed(): Promise<never> {
    throw await (this.#agentEnded ?? new Promise<never>(() => undefined));
  }

  /** Stops device and workspace, also when `start` is not done yet; it then rejects. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await stopChild(this.#agent);
    await this.#workspaceStarted;
    await this.#workspace?.stop();
  }

  /** To be called before anything is started that only `stop` would end. */
  #checkGoingOn(): void {
    if (this.#stopping) throw new SluiceError('cancelled', 'stopped before everything was up');
  }

  async #startWorkspace(): Promise<WorkspaceAddresses> {
    try {
      return await this.#tryWorkspace({});
    } catch (thrown) {
      if (!(thrown instanceof SluiceError) || thrown.code !== 'port_in_use') throw thrown;
      // The scoring port is what people use; the workspace's own ports may move.
      return this.#tryWorkspace({ apiPort: 0, mqttPort: 0 });
    }
  }

  async #tryWorkspace(ports: { apiPort?: number; mqttPort?: number }): Promise<WorkspaceAddresses> {
    this.#checkGoingOn();
    const workspace = new Workspace({
      stateFolder: stateFolders(this.#options.state).workspace,
      logger: createLogger({ name: 'workspace', level: this.#options.logLevel }),
      ...ports,
    });
    this.#workspace = workspace;
    const started = workspace.start();
    this.#workspaceStarted = started.catch(() => undefined);
    return started;
  }

  async #registerModel(client: WorkspaceClient): Promise<Model> {
    const file = await client.uploadFile(join(sampleFolder, 'model.onnx'));
    const model = await client.registerModel({
      name: sampleName,
      file,
      description: 'Fashion-MNIST, int8 MLP 784-64-32-10',
    });
    this.#tell('model', `${model.name}:${model.version} registered, ${formatCount(model.sizeBytes)} bytes`);
    return model;
  }

  async #buildImage(client: WorkspaceClient, model: Model): Promise<Image> {
    const accelerate = this.#options.npu === 'none' ? undefined : this.#options.npu;
    const image = await buildImageFrom(client, {
      name: sampleName,
      model: `${model.name}:${model.version}`,
      script: join(sampleFolder, 'score.js'),
      samples: join(sampleFolder, 'golden.json'),
      ...(accelerate === undefined ? {} : { accelerate }),
    });
    const npu = image.accelerated === null ? 'CPU only' : `NPU program for ${image.accelerated}`;
    this.#tell(
      'image',
      `${image.name}:${image.version} built, ${formatCount(image.sizeBytes)} bytes, ${npu}`,
    );
    return image;
  }

  /** Gives a token when the device has none of its own yet. */
  async #ensureDevice(client: WorkspaceClient): Promise<string | undefined> {
    const identity = join(stateFolders(this.#options.state).device(localDevice), 'identity.json');
    const enrolled = await stat(identity).then(
      () => true,
      () => false,
    );
    const known = (await client.listDevices()).some(({ name }) => name === localDevice);
    if (known && enrolled) return undefined;
    return (known ? await client.renewDeviceToken(localDevice) : await client.addDevice(localDevice)).token;
  }

  #startAgent(options: { apiUrl: string; token: string | undefined; digest: string }): Promise<void> {
    this.#checkGoingOn();
    const { state, port, grpcPort = null, npu, logLevel } = this.#options;
    const start = {
      stateFolder: stateFolders(state).device(localDevice),
      device: localDevice,
      workspaceUrl: options.apiUrl,
      host: '127.0.0.1',
      port,
      npu: npuSelection(npu),
      endpoint: { grpcPort },
      logLevel,
    };
    const child = fork(agentEntry, [JSON.stringify(start)], {
      // The token stays out of the process list.
      env: { ...process.env, ...(options.token === undefined ? {} : { SLUICE_DEVICE_TOKEN: options.token }) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#agent = child;
    let reason: SluiceError | undefined;
    child.on('message', (message: AgentMessage) => {
      if (message.type === 'start-failed') {
        reason = new SluiceError(message.error.code, message.error.message);
      }
    });
    this.#agentEnded = new Promise((resolve) => {
      child.once('exit', (code) =>
        resolve(reason ?? new SluiceError('internal', `the device's agent ended with exit code ${code}`)),
      );
    });
    return this.#servingOf(child, options.digest);
  }

  async #servingOf(child: ChildProcess, digest: string): Promise<void> {
    const serving = new Promise<void>((resolve, reject) => {
      child.on('message', (message: AgentMessage) => {
        if (message.type === 'start-failed') return;
        if (message.type === 'listening') this.#scoringPort = message.port ?? undefined;
        this.#tell('device', describeEvent(message));
        // What the device remembers may be an older image, which its NPU of today cannot run.
        if (!('image' in message) || message.image !== digest) return;
        if (message.type === 'serving') resolve();
        if (message.type === 'failed') reject(new SluiceError(message.error.code, message.error.message));
      });
    });
    const ended = this.failed();
    ended.catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new SluiceError(
              'not_ready',
              `the device did not serve within ${readyTimeoutMs / 1000} s; --log-level info tells more`,
            ),
          ),
        readyTimeoutMs,
      );
    });
    await Promise.race([serving, ended, timeout]).finally(() => clearTimeout(timer));
  }

  #tell(stage: string, text: string): void {
    printProgress({ json: this.#options.json, value: { stage, text }, text: `${stage.padEnd(10)} ${text}` });
  }

  #invite(): void {
    const url = `http://127.0.0.1:${this.#scoringPort ?? this.#options.port}`;
    const samples = relative(process.env.INIT_CWD ?? process.cwd(), sampleFolder) || '.';
    const lines = [
      '',
      `ready      ${url}  (Ctrl-C stops everything)`,
      '',
      `curl -s --data-binary @${samples}/ankle-boot.png -H 'content-type: image/png' ${url}/score`,
      `curl -s ${url}/score -H 'content-type: application/json' -d @${samples}/request.json`,
      `curl -s ${url}/v2/models/${sampleName}/infer -d @${samples}/infer.json`,
      '',
      "Add -i to see the route and the image that answered, -H 'x-sluice-route: cpu' or 'fpga' to choose.",
    ];
    printProgress({ json: this.#options.json, value: { stage: 'ready', url }, text: lines.join('\n') });
  }
}

/** Finds a taken scoring port before anything is built. */
async function requireFreePort(port: number): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code !== 'EADDRINUSE'
          ? error
          : new SluiceError(
              'port_in_use',
              `port ${port} on 127.0.0.1 is in use by another program; stop it or choose another with --port`,
            ),
      ),
    );
    probe.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

async function stopChild(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), agentStopTimeoutMs);
  await ended;
  clearTimeout(timer);
}
