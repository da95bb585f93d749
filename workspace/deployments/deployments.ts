import { SluiceError } from '../../contract/errors.ts';
import { type Name, parseReference } from '../../contract/names.ts';
import type { PutDeployment } from '../../contract/workspace-api.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { ImageRegistry } from '../registry/image-registry.ts';
import type { Database } from '../storage/database.ts';
import type { DeploymentRecord, DeploymentsTable } from '../storage/deployments.ts';
import type { DesiredState } from './desired-state.ts';

/** What deployments need. */
export interface DeploymentsOptions {
  database: Database;
  deployments: DeploymentsTable;
  images: ImageRegistry;
  fleet: Fleet;
  desiredState: DesiredState;
  clock: () => Date;
}

/** Which image which devices serve under which endpoint name. */
export class Deployments {
  readonly #options: DeploymentsOptions;

  constructor(options: DeploymentsOptions) {
    this.#options = options;
  }

  /** All deployments. */
  list(): DeploymentRecord[] {
    return this.#options.deployments.list();
  }

  /** One deployment. Throws `not_found`. */
  get(name: Name): DeploymentRecord {
    const deployment = this.#options.deployments.find(name);
    if (deployment === undefined) throw new SluiceError('not_found', `deployment ${name} does not exist`);
    return deployment;
  }

  /** Makes or changes a deployment and tells the devices. Throws `not_found` or `limit_exceeded`. */
  put(name: Name, request: PutDeployment): { deployment: DeploymentRecord; created: boolean } {
    const { deployments, images, fleet, clock } = this.#options;
    const reference = parseReference(request.image);
    const image = images.get(reference.name, reference.version);
    for (const device of request.devices) fleet.get(device);
    const current = deployments.find(name);
    const devices = [...request.devices].sort();
    const unchanged =
      current?.imageName === image.name &&
      current.imageVersion === image.version &&
      current.devices.join() === devices.join();
    if (current !== undefined && unchanged) return { deployment: current, created: false };
    const now = clock().toISOString();
    const deployment: DeploymentRecord = {
      name,
      imageName: image.name,
      imageVersion: image.version,
      devices,
      createdAt: current?.createdAt ?? now,
      updatedAt: now,
    };
    this.#change([...new Set([...devices, ...(current?.devices ?? [])])], () => deployments.put(deployment));
    return { deployment, created: current === undefined };
  }

  /** Forgets a deployment; its devices stop serving it. Throws `not_found`. */
  remove(name: Name): void {
    const { devices } = this.get(name);
    this.#change(devices, () => this.#options.deployments.remove(name));
  }

  /** Applies a change together with the new desired state of the devices it touches. */
  #change(devices: readonly Name[], apply: () => void): void {
    const { database, desiredState } = this.#options;
    database.transaction(() => {
      apply();
      for (const device of devices) desiredState.refresh(device);
    });
    desiredState.announce(devices);
  }
}
