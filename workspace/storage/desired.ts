import type { DesiredDeployment, DesiredEndpoint } from '../../contract/messages.ts';
import type { Name } from '../../contract/names.ts';
import type { Database } from './database.ts';

/** What a device shall run, and which change of it this is. */
export interface DesiredRecord {
  device: Name;
  generation: number;
  issuedAt: string;
  deployments: DesiredDeployment[];
  endpoints: DesiredEndpoint[];
}

interface DesiredRow {
  device: string;
  generation: number;
  issued_at: string;
  deployments: string;
  endpoints: string;
}

/** Desired state of devices. A row outlives its device. */
export class DesiredTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The desired state of a device. */
  find(device: Name): DesiredRecord | undefined {
    const row = this.#database.prepare('SELECT * FROM desired WHERE device = ?').get(device) as
      | DesiredRow
      | undefined;
    if (row === undefined) return undefined;
    return {
      device: row.device,
      generation: row.generation,
      issuedAt: row.issued_at,
      deployments: JSON.parse(row.deployments) as DesiredDeployment[],
      endpoints: JSON.parse(row.endpoints) as DesiredEndpoint[],
    };
  }

  /** Stores a new generation. */
  put(record: DesiredRecord): void {
    const { device, generation, issuedAt, deployments, endpoints } = record;
    this.#database
      .prepare(
        `INSERT INTO desired (device, generation, issued_at, deployments, endpoints) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (device) DO UPDATE SET generation = excluded.generation, issued_at = excluded.issued_at,
           deployments = excluded.deployments, endpoints = excluded.endpoints`,
      )
      .run(device, generation, issuedAt, JSON.stringify(deployments), JSON.stringify(endpoints));
  }
}
