import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { Name } from '../../contract/names.ts';
import { hashToken, makeToken, tokenMatches } from '../keys/tokens.ts';
import { workspaceLimits } from '../limits.ts';
import type { Database } from '../storage/database.ts';
import type { DeploymentsTable } from '../storage/deployments.ts';
import type { DeviceRecord, DeviceStatus, DevicesTable } from '../storage/devices.ts';

/** What the fleet needs. */
export interface FleetOptions {
  database: Database;
  devices: DevicesTable;
  deployments: DeploymentsTable;
  clock: () => Date;
  logger: Logger;
  /** Inside the transaction that adds a device: gives it a desired state. */
  onAdding: (device: Name) => void;
  /** After a device was added. */
  onAdded: (device: Name) => void;
  /** After a token stopped being good. */
  onRevoked: (device: Name) => void;
  /** After a device was removed. */
  onRemoved: (device: Name) => void;
}

/**
 * The devices of the workspace. They are held in memory, because the broker asks for them with every
 * connection; changes of status go to disk together, because they are many and devices repeat them.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #devices = new Map<Name, DeviceRecord>();
  readonly #unsaved = new Set<Name>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Reads the devices. With `nobodyConnected`, whoever was online when the workspace ended is lost. */
  start(options: { nobodyConnected: boolean }): void {
    for (const device of this.#options.devices.list()) {
      this.#devices.set(device.name, device);
      if (!options.nobodyConnected || device.presence?.state !== 'online') continue;
      const { presence } = device;
      this.updateStatus(device.name, (status) => ({ ...status, presence: { ...presence, state: 'lost' } }));
    }
    this.#timer = setInterval(() => this.#flush(), workspaceLimits.statusFlushMs);
  }

  /** Writes what is not on disk yet. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#timer !== undefined) this.#flush();
    this.#timer = undefined;
  }

  /** All devices, by name. */
  list(): DeviceRecord[] {
    return [...this.#devices.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** One device. Throws `not_found`. */
  get(name: Name): DeviceRecord {
    const device = this.#devices.get(name);
    if (device === undefined) throw new SluiceError('not_found', `device ${name} does not exist`);
    return device;
  }

  /** Whether a device of that name exists and has that token; both cases take the same time. */
  authenticate(name: string, token: string | Uint8Array): boolean {
    const device = this.#devices.get(name);
    const matches = tokenMatches(token, device?.tokenHash ?? hashToken(''));
    return matches && device !== undefined;
  }

  /** Adds a device; its token is not kept and cannot be shown again. Throws `conflict`. */
  add(name: Name): { device: DeviceRecord; token: string } {
    if (this.#devices.has(name)) {
      throw new SluiceError('conflict', `device ${name} exists already; choose another name or remove it`);
    }
    const token = makeToken();
    const device: DeviceRecord = {
      name,
      tokenHash: hashToken(token),
      createdAt: this.#options.clock().toISOString(),
      presence: null,
      reported: null,
    };
    this.#options.database.transaction(() => {
      this.#options.devices.insert(device);
      this.#options.onAdding(name);
    });
    this.#devices.set(name, device);
    this.#options.onAdded(name);
    return { device, token };
  }

  /** Gives a device a new token; the old one is no good from now on, also for open sessions. */
  replaceToken(name: Name): { device: DeviceRecord; token: string } {
    const token = makeToken();
    const device = { ...this.get(name), tokenHash: hashToken(token) };
    const { database, devices } = this.#options;
    database.transaction(() => devices.setTokenHash(name, device.tokenHash));
    this.#devices.set(name, device);
    this.#options.onRevoked(name);
    return { device, token };
  }

  /** Removes a device and ends its session. Throws `conflict` while a deployment targets it. */
  remove(name: Name): void {
    this.get(name);
    const used = this.#options.deployments.listOfDevice(name).map((deployment) => deployment.name);
    if (used.length > 0) {
      throw new SluiceError(
        'conflict',
        `device ${name} is part of deployment ${used.join(', ')}; take it out of there first`,
      );
    }
    const { database, devices } = this.#options;
    database.transaction(() => devices.remove(name));
    this.#devices.delete(name);
    this.#unsaved.delete(name);
    this.#options.onRevoked(name);
    this.#options.onRemoved(name);
  }

  /** Applies a change to what is known of a device. Throws `not_found`. */
  updateStatus(name: Name, change: (status: DeviceStatus) => DeviceStatus): void {
    const device = this.get(name);
    const { presence, reported } = change(device);
    if (presence === device.presence && reported === device.reported) return;
    this.#devices.set(name, { ...device, presence, reported });
    this.#unsaved.add(name);
  }

  #flush(): void {
    if (this.#unsaved.size === 0) return;
    try {
      this.#options.database.transaction(() => {
        for (const name of this.#unsaved) this.#options.devices.setStatus(name, this.get(name));
      });
      this.#unsaved.clear();
    } catch (thrown) {
      // The next flush tries again; until then memory has the truth.
      this.#options.logger.error({ err: thrown }, 'status of devices not written');
    }
  }
}
