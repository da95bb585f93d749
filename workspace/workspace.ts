import { apiUrlOf, mqttUrlOf } from './addresses.ts';
import { buildApi } from './api/server.ts';
import { Deployments } from './deployments/deployments.ts';
import { Endpoints } from './deployments/endpoints.ts';
import { DeviceSide } from './device-side.ts';
import { hashToken } from './keys/tokens.ts';
import { workspaceLimits } from './limits.ts';
import { asListenError } from './network.ts';
import { resolveOptions, type WorkspaceOptions, type WorkspaceSettings } from './options.ts';
import { BuildQueue } from './registry/build-queue.ts';
import { ImageRegistry } from './registry/image-registry.ts';
import { ImageWriter } from './registry/image-writer.ts';
import { ModelRegistry } from './registry/model-registry.ts';
import { openState, type WorkspaceState } from './state.ts';

export type { WorkspaceOptions } from './options.ts';

/** Where a started workspace is found. */
export interface WorkspaceAddresses {
  apiUrl: string;
  mqttUrl: string;
  /** File with the administrator's token. */
  adminTokenPath: string;
}

/** The control plane: registry, fleet, deployments, their REST API and their MQTT broker. */
export class Workspace {
  readonly #options: WorkspaceOptions;
  /** What `stop` has to undo, in the order in which it was done. */
  readonly #cleanups: (() => void | Promise<void>)[] = [];
  #starting: Promise<WorkspaceAddresses> | undefined;

  constructor(options: WorkspaceOptions) {
    this.#options = options;
  }

  /**
   * Opens the state and both listeners. Throws `state_invalid`, `port_in_use`, `insecure_listener`,
   * `invalid_name` or `usage`; then nothing stays open.
   */
  async start(): Promise<WorkspaceAddresses> {
    this.#starting = this.#start();
    try {
      return await this.#starting;
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /** Closes everything, also what a start under way is about to open; may be called twice. */
  async stop(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }

  async #start(): Promise<WorkspaceAddresses> {
    const settings = await resolveOptions(this.#options);
    const state = await openState(settings.stateFolder);
    this.#cleanups.push(() => state.database.stop());
    const devices = new DeviceSide(settings, state);
    this.#cleanups.push(() => devices.stop());
    await devices.start();
    const apiUrl = await this.#startApi(settings, state, devices);
    const mqttUrl = mqttUrlOf(settings, { port: devices.mqttPort ?? 0, requestHost: '127.0.0.1' });
    return { apiUrl, mqttUrl, adminTokenPath: state.adminTokenPath };
  }

  async #startApi(settings: WorkspaceSettings, state: WorkspaceState, devices: DeviceSide): Promise<string> {
    const { host, apiPort: port, clock, logger, tls } = settings;
    const { fleet, desiredState, link } = devices;
    const builds = new AbortController();
    const queue = new BuildQueue({ depthMax: workspaceLimits.buildQueueDepthMax });
    const common = { ...state, queue, clock, signal: builds.signal };
    const models = new ModelRegistry(common);
    const writer = new ImageWriter({ blobs: state.blobs, key: state.signingKey.key });
    const images = new ImageRegistry({ ...common, models, writer });
    const deployments = new Deployments({ ...state, images, fleet, desiredState, clock });
    const endpoints = new Endpoints({ ...state, fleet, desiredState, clock });
    const api = buildApi({
      adminTokenHash: hashToken(state.adminToken),
      blobs: state.blobs,
      models,
      images,
      fleet,
      deployments,
      endpoints,
      bootstrap: {
        workspace: settings.name,
        epoch: state.epoch,
        trustedKeys: state.signingKey.trustedKeys,
        mqttUrl: (requestHost) => mqttUrlOf(settings, { port: devices.mqttPort ?? 0, requestHost }),
      },
      brokerConnected: () => link.connected,
      tls,
      logger,
    });
    this.#cleanups.push(async () => {
      builds.abort();
      await api.close();
    });
    try {
      await api.listen({ host, port });
    } catch (thrown) {
      throw asListenError(thrown, { host, port, flag: '--api-port' });
    }
    const address = api.server.address();
    return apiUrlOf(settings, typeof address === 'object' && address !== null ? address.port : port);
  }
}
