import type { DataCollection } from '../../contract/messages.ts';
import type { Name } from '../../contract/names.ts';
import type { Database } from './database.ts';

/** A deployment: which image which devices serve under its name. */
export interface DeploymentRecord {
  name: Name;
  imageName: Name;
  imageVersion: number;
  devices: Name[];
  /** What is collected of its requests. */
  collect: DataCollection | null;
  createdAt: string;
  updatedAt: string;
}

interface DeploymentRow {
  name: string;
  image_name: string;
  image_version: number;
  collect: string | null;
  created_at: string;
  updated_at: string;
}

/** Deployments and the devices that they target. */
export class DeploymentsTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All deployments, by name. */
  list(): DeploymentRecord[] {
    const rows = this.#database.prepare('SELECT * FROM deployments ORDER BY name').all();
    return (rows as DeploymentRow[]).map((row) => this.#toRecord(row));
  }

  /** One deployment. */
  find(name: Name): DeploymentRecord | undefined {
    const row = this.#database.prepare('SELECT * FROM deployments WHERE name = ?').get(name) as
      | DeploymentRow
      | undefined;
    return row === undefined ? undefined : this.#toRecord(row);
  }

  /** The deployments that a device is part of, by name. */
  listOfDevice(device: Name): Pick<DeploymentRecord, 'name' | 'imageName' | 'imageVersion' | 'collect'>[] {
    const rows = this.#database
      .prepare(
        `SELECT name, image_name, image_version, collect FROM deployments
         JOIN deployment_targets ON deployment_targets.deployment = deployments.name
         WHERE deployment_targets.device = ? ORDER BY name`,
      )
      .all(device) as Pick<DeploymentRow, 'name' | 'image_name' | 'image_version' | 'collect'>[];
    return rows.map((row) => ({
      name: row.name,
      imageName: row.image_name,
      imageVersion: row.image_version,
      collect: collectOf(row),
    }));
  }

  /** Makes a deployment, or replaces its image and devices; to be called inside a transaction. */
  put(deployment: DeploymentRecord): void {
    this.#database
      .prepare(
        `INSERT INTO deployments (name, image_name, image_version, collect, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET image_name = excluded.image_name,
           image_version = excluded.image_version, collect = excluded.collect, updated_at = excluded.updated_at`,
      )
      .run(
        deployment.name,
        deployment.imageName,
        deployment.imageVersion,
        deployment.collect === null ? null : JSON.stringify(deployment.collect),
        deployment.createdAt,
        deployment.updatedAt,
      );
    this.#database.prepare('DELETE FROM deployment_targets WHERE deployment = ?').run(deployment.name);
    const insert = this.#database.prepare(
      'INSERT INTO deployment_targets (deployment, device) VALUES (?, ?)',
    );
    for (const device of deployment.devices) insert.run(deployment.name, device);
  }

  /** Forgets a deployment and its targets. */
  remove(name: Name): void {
    this.#database.prepare('DELETE FROM deployments WHERE name = ?').run(name);
  }

  #toRecord(row: DeploymentRow): DeploymentRecord {
    const targets = this.#database
      .prepare('SELECT device FROM deployment_targets WHERE deployment = ? ORDER BY device')
      .all(row.name) as { device: string }[];
    return {
      name: row.name,
      imageName: row.image_name,
      imageVersion: row.image_version,
      devices: targets.map(({ device }) => device),
      collect: collectOf(row),
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
  }
}

function collectOf({ collect }: Pick<DeploymentRow, 'collect'>): DataCollection | null {
  return collect === null ? null : (JSON.parse(collect) as DataCollection);
}
