import { BlobAccess } from './deployments/blob-access.ts';
import { DesiredState } from './deployments/desired-state.ts';
import { Fleet } from './fleet/fleet.ts';
import { StatusIntake } from './fleet/status-intake.ts';
import { BlobServer } from './mqtt/blob-server.ts';
import type { BrokerLink } from './mqtt/broker-link.ts';
import { makeLink } from './mqtt/make-link.ts';
import { clearRetained } from './mqtt/retained.ts';
import type { WorkspaceSettings } from './options.ts';
import type { WorkspaceState } from './state.ts';

/** The half of a workspace that devices talk to: broker, desired state, blobs, status. */
export class DeviceSide {
  readonly fleet: Fleet;
  readonly desiredState: DesiredState;
  readonly link: BrokerLink;
  readonly #blobServer: BlobServer;
  readonly #intake: StatusIntake;
  readonly #embeddedPort: () => number | undefined;

  constructor(settings: WorkspaceSettings, state: WorkspaceState) {
    const { name: workspace, logger, clock } = settings;
    const { link, embedded } = makeLink(settings, (device, token) => this.fleet.authenticate(device, token));
    this.link = link;
    this.#embeddedPort = () => embedded?.port;
    const key = state.signingKey.key;
    this.desiredState = new DesiredState({ ...state, workspace, key, link, clock, logger });
    this.fleet = new Fleet({
      ...state,
      clock,
      logger,
      onAdding: (device) => this.desiredState.refresh(device),
      onAdded: (device) => this.desiredState.announce([device]),
      onRevoked: (device) => embedded?.disconnect(device),
      onRemoved: (device) => void clearRetained({ link, workspace, device, logger }),
    });
    this.#intake = new StatusIntake({ workspace, fleet: this.fleet, link, clock, logger });
    const access = new BlobAccess(state);
    const allowedSize = (device: string, digest: string) => access.sizeFor(device, digest);
    this.#blobServer = new BlobServer({ workspace, link, blobs: state.blobs, allowedSize, logger });
  }

  /** Port of the embedded broker; undefined with an outside one. */
  get mqttPort(): number | undefined {
    return this.#embeddedPort();
  }

  /** Opens the broker and publishes the desired state of all devices. Throws `port_in_use`. */
  async start(): Promise<void> {
    this.fleet.start({ nobodyConnected: this.#embeddedPort() !== undefined });
    this.#intake.start();
    this.#blobServer.start();
    this.desiredState.start();
    this.link.onConnected(() => this.desiredState.announce(this.fleet.list().map(({ name }) => name)));
    await this.link.start();
  }

  /** Closes the broker first: whatever waits for it then fails at once instead of in its own time. */
  async stop(): Promise<void> {
    this.#blobServer.stop();
    await this.link.stop();
    await this.desiredState.stop();
    this.fleet.stop();
  }
}
