import { SluiceError } from '../../contract/errors.ts';
import type { Name } from '../../contract/names.ts';
import type { KeySlot, PutEndpoint } from '../../contract/workspace-api.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { hashToken, makeToken } from '../keys/tokens.ts';
import type { Database } from '../storage/database.ts';
import type { DeploymentsTable } from '../storage/deployments.ts';
import type { DesiredTable } from '../storage/desired.ts';
import type { EndpointRecord, EndpointsTable, KeyRecord, Share } from '../storage/endpoints.ts';
import type { DesiredState } from './desired-state.ts';
import { sharesAfter } from './endpoint-shares.ts';

/** What endpoints need. */
export interface EndpointsOptions {
  database: Database;
  endpoints: EndpointsTable;
  deployments: DeploymentsTable;
  desired: DesiredTable;
  epoch: string;
  fleet: Fleet;
  desiredState: DesiredState;
  clock: () => Date;
}

/** A key that was just made, and what is kept of it. */
interface NewKey {
  key: string;
  record: KeyRecord;
}

/** Names in front of deployments: their keys, and how requests are divided among them. */
export class Endpoints {
  readonly #options: EndpointsOptions;

  constructor(options: EndpointsOptions) {
    this.#options = options;
  }

  /** All endpoints. */
  list(): EndpointRecord[] {
    return this.#options.endpoints.list();
  }

  /** One endpoint. Throws `not_found`. */
  get(name: Name): EndpointRecord {
    const endpoint = this.#options.endpoints.find(name);
    if (endpoint === undefined) throw new SluiceError('not_found', `endpoint ${name} does not exist`);
    return endpoint;
  }

  /** Devices that run some of an endpoint, and whether its newest state is in force there. */
  devicesOf(name: Name): { name: Name; upToDate: boolean }[] {
    const { endpoints, desired, epoch, fleet } = this.#options;
    return endpoints.listDevices(name).map((device) => {
      const inForce = fleet.get(device).reported?.scoring.configured;
      const upToDate = inForce?.epoch === epoch && inForce.generation === desired.find(device)?.generation;
      return { name: device, upToDate };
    });
  }

  /**
   * Makes or changes an endpoint and tells the devices. Keys that are made by it cannot be shown again. Throws
   * `not_found`, `conflict`, `invalid_request` or `limit_exceeded`.
   */
  put(
    name: Name,
    request: PutEndpoint,
  ): { endpoint: EndpointRecord; keys: Record<KeySlot, string> | null; created: boolean } {
    const current = this.#options.endpoints.find(name);
    const shares = sharesAfter(current?.shares ?? new Map<Name, Share>(), request);
    this.#checkDeployments(name, shares);
    const now = this.#options.clock().toISOString();
    const auth = request.auth ?? (current?.keys ? 'key' : 'none');
    const made = auth === 'key' && !current?.keys ? makeKeys(now) : null;
    const kept = auth === 'key' ? (current?.keys ?? null) : null;
    const endpoint: EndpointRecord = {
      name,
      shares,
      keys: made === null ? kept : { primary: made.primary.record, secondary: made.secondary.record },
      createdAt: current?.createdAt ?? now,
      updatedAt: now,
    };
    this.#change(name, () => this.#options.endpoints.put(endpoint));
    const keys = made === null ? null : { primary: made.primary.key, secondary: made.secondary.key };
    return { endpoint, keys, created: current === undefined };
  }

  /**
   * Makes a new key in place of one, and leaves the other as it is: whoever holds that goes on meanwhile.
   * Throws `not_found`, and `conflict` for an endpoint that asks for no key.
   */
  rotateKey(name: Name, slot: KeySlot): { key: string; createdAt: string } {
    const endpoint = this.get(name);
    if (endpoint.keys === null) {
      throw new SluiceError('conflict', `endpoint ${name} asks for no key; set its auth to key first`);
    }
    const { key, record } = makeKey(this.#options.clock().toISOString());
    const keys = { ...endpoint.keys, [slot]: record };
    this.#change(name, () => this.#options.endpoints.put({ ...endpoint, keys, updatedAt: record.createdAt }));
    return { key, createdAt: record.createdAt };
  }

  /**
   * Forgets an endpoint; its deployments stay. Throws `not_found`, and `conflict` while it keeps deployments
   * behind keys: without it they would answer anybody.
   */
  remove(name: Name): void {
    const { keys, shares } = this.get(name);
    if (keys !== null && shares.size > 0) {
      throw new SluiceError(
        'conflict',
        `endpoint ${name}: its deployments (${[...shares.keys()].join(', ')}) would answer without a key; delete them first, or set its auth to none`,
      );
    }
    this.#change(name, () => this.#options.endpoints.remove(name));
  }

  #checkDeployments(name: Name, shares: ReadonlyMap<Name, Share>): void {
    const { deployments, endpoints } = this.#options;
    for (const deployment of shares.keys()) {
      if (deployments.find(deployment) === undefined) {
        throw new SluiceError('not_found', `deployment ${deployment} does not exist`);
      }
      const other = endpoints.findOfDeployment(deployment);
      if (other === undefined || other.name === name) continue;
      throw new SluiceError('conflict', `deployment ${deployment} belongs to endpoint ${other.name} already`);
    }
    if (deployments.find(name) === undefined || shares.has(name)) return;
    throw new SluiceError(
      'conflict',
      `endpoint ${name}: a deployment has this name and does not belong to it; choose another name`,
    );
  }

  /** Applies a change together with the new desired state of the devices that it touches. */
  #change(name: Name, apply: () => void): void {
    const { database, endpoints, desiredState } = this.#options;
    const devices = new Set(endpoints.listDevices(name));
    database.transaction(() => {
      apply();
      for (const device of endpoints.listDevices(name)) devices.add(device);
      for (const device of devices) desiredState.refresh(device);
    });
    desiredState.announce(devices);
  }
}

function makeKey(createdAt: string): NewKey {
  const key = makeToken();
  return { key, record: { hash: Buffer.from(hashToken(key)).toString('hex'), createdAt } };
}

function makeKeys(createdAt: string): Record<KeySlot, NewKey> {
  return { primary: makeKey(createdAt), secondary: makeKey(createdAt) };
}
