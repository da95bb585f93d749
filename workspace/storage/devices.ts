import type { Name } from '../../contract/names.ts';
import type { Device } from '../../contract/workspace-api.ts';
import type { Database } from './database.ts';

/** A device with its token's hash. */
export interface DeviceRecord extends Device {
  tokenHash: Uint8Array;
}

/** What a device said of itself last. */
export type DeviceStatus = Pick<Device, 'presence' | 'reported'>;

interface DeviceRow {
  name: string;
  token_hash: Uint8Array;
  created_at: string;
  presence: string | null;
  reported: string | null;
}

/** Devices and their last known status. */
export class DevicesTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All devices, by name. */
  list(): DeviceRecord[] {
    const rows = this.#database.prepare('SELECT * FROM devices ORDER BY name').all();
    return (rows as DeviceRow[]).map(toRecord);
  }

  /** Adds a device of which nothing is known yet. */
  insert(options: { name: Name; tokenHash: Uint8Array; createdAt: string }): void {
    this.#database
      .prepare('INSERT INTO devices (name, token_hash, created_at) VALUES (?, ?, ?)')
      .run(options.name, options.tokenHash, options.createdAt);
  }

  /** Replaces a device's token. */
  setTokenHash(name: Name, tokenHash: Uint8Array): void {
    this.#database.prepare('UPDATE devices SET token_hash = ? WHERE name = ?').run(tokenHash, name);
  }

  /** Stores what a device said last. */
  setStatus(name: Name, status: DeviceStatus): void {
    this.#database
      .prepare('UPDATE devices SET presence = ?, reported = ? WHERE name = ?')
      .run(toJson(status.presence), toJson(status.reported), name);
  }

  /** Forgets a device; no deployment may target it. */
  remove(name: Name): void {
    this.#database.prepare('DELETE FROM devices WHERE name = ?').run(name);
  }
}

function toJson(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

function toRecord(row: DeviceRow): DeviceRecord {
  return {
    name: row.name,
    tokenHash: row.token_hash,
    createdAt: row.created_at,
    presence: row.presence === null ? null : (JSON.parse(row.presence) as Device['presence']),
    reported: row.reported === null ? null : (JSON.parse(row.reported) as Device['reported']),
  };
}
