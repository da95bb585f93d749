import { SluiceError } from '../../contract/errors.ts';
import type { DataCollection } from '../../contract/messages.ts';
import { type Name, parseReference } from '../../contract/names.ts';
import type { PutDeployment } from '../../contract/workspace-api.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { ImageRegistry } from '../registry/image-registry.ts';
import type { Database } from '../storage/database.ts';
import type { DeploymentRecord, DeploymentsTable } from '../storage/deployments.ts';
import type { EndpointRecord, EndpointsTable } from '../storage/endpoints.ts';
import type { DesiredState } from './desired-state.ts';
import { sharesWith } from './endpoint-shares.ts';

/** What deployments need. */
export interface DeploymentsOptions {
  database: Database;
  deployments: DeploymentsTable;
  endpoints: EndpointsTable;
  images: ImageRegistry;
  fleet: Fleet;
  desiredState: DesiredState;
  clock: () => Date;
}

/** Which image which devices serve under which name. */
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

  /** Makes or changes a deployment and tells the devices. Throws `not_found`, `conflict` or `limit_exceeded`. */
  put(name: Name, request: PutDeployment): { deployment: DeploymentRecord; created: boolean } {
    const { deployments, images, fleet, clock } = this.#options;
    const reference = parseReference(request.image);
    const image = images.get(reference.name, reference.version);
    for (const device of request.devices) fleet.get(device);
    const joined = this.#endpointToJoin(name, request.endpoint);
    const current = deployments.find(name);
    const devices = [...request.devices].sort();
    const collect = collectAfter(current?.collect ?? null, request.collect);
    const unchanged =
      current?.imageName === image.name &&
      current.imageVersion === image.version &&
      current.devices.join() === devices.join() &&
      JSON.stringify(current.collect) === JSON.stringify(collect);
    if (current !== undefined && unchanged && joined === undefined)
      return { deployment: current, created: false };
    const now = clock().toISOString();
    const deployment: DeploymentRecord = {
      name,
      imageName: image.name,
      imageVersion: image.version,
      devices,
      collect,
      createdAt: current?.createdAt ?? now,
      updatedAt: now,
    };
    this.#change([...new Set([...devices, ...(current?.devices ?? [])])], () => {
      deployments.put(deployment);
      if (joined !== undefined) this.#options.endpoints.put(joined);
    });
    return { deployment, created: current === undefined };
  }

  /**
   * Forgets a deployment; its devices stop serving it. Throws `not_found`, and `conflict` while an endpoint sends
   * it requests or copies.
   */
  remove(name: Name): void {
    const { devices } = this.get(name);
    const endpoint = this.#options.endpoints.findOfDeployment(name);
    const { traffic = 0, mirror = 0 } = endpoint?.shares.get(name) ?? {};
    if (traffic > 0 || mirror > 0) {
      throw new SluiceError(
        'conflict',
        `deployment ${name}: endpoint ${endpoint?.name} sends it ${traffic || mirror}% of its ${traffic > 0 ? 'traffic' : 'copies'}; set that to 0 first`,
      );
    }
    this.#change(devices, () => this.#options.deployments.remove(name));
  }

  /** The endpoint with the deployment in it; undefined when there is nothing to change. */
  #endpointToJoin(deployment: Name, wanted: Name | undefined): EndpointRecord | undefined {
    const { endpoints, clock } = this.#options;
    const current = endpoints.findOfDeployment(deployment);
    if ((wanted ?? current?.name) !== deployment && endpoints.find(deployment) !== undefined) {
      throw new SluiceError(
        'conflict',
        `deployment ${deployment}: an endpoint that it does not belong to has this name; choose another`,
      );
    }
    if (wanted === undefined || wanted === current?.name) return undefined;
    if (current !== undefined) {
      throw new SluiceError(
        'conflict',
        `deployment ${deployment} belongs to endpoint ${current.name} already`,
      );
    }
    const endpoint = endpoints.find(wanted);
    if (endpoint === undefined) throw new SluiceError('not_found', `endpoint ${wanted} does not exist`);
    const shares = sharesWith(endpoint.shares, deployment);
    return { ...endpoint, shares, updatedAt: clock().toISOString() };
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

/** What is collected after a request, in one order and with so many digits, so that the same is known as the same. */
function collectAfter(
  current: DataCollection | null,
  wanted: PutDeployment['collect'],
): DataCollection | null {
  if (wanted === undefined) return current;
  if (wanted === null) return null;
  const { collections, samplingRate } = wanted;
  return { collections: [...collections].sort(), samplingRate: Number(samplingRate.toFixed(4)) };
}
