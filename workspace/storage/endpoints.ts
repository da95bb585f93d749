import type { Name } from '../../contract/names.ts';
import type { KeySlot } from '../../contract/workspace-api.ts';
import type { Database } from './database.ts';

/** What is kept of a key. */
export interface KeyRecord {
  /** SHA-256, in hexadecimal. */
  hash: string;
  createdAt: string;
}

/** Percent of an endpoint's requests that a deployment answers, or gets copies of. */
export interface Share {
  traffic: number;
  mirror: number;
}

/** An endpoint with all its deployments, by name. */
export interface EndpointRecord {
  name: Name;
  shares: Map<Name, Share>;
  /** Null for an endpoint that asks for none. */
  keys: Record<KeySlot, KeyRecord> | null;
  createdAt: string;
  updatedAt: string;
}

interface EndpointRow {
  name: string;
  keys: string | null;
  created_at: string;
  updated_at: string;
}

interface ShareRow extends Share {
  deployment: string;
}

/** Endpoints and the deployments that belong to them. */
export class EndpointsTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All endpoints, by name. */
  list(): EndpointRecord[] {
    const rows = this.#database.prepare('SELECT * FROM endpoints ORDER BY name').all();
    return (rows as EndpointRow[]).map((row) => this.#toRecord(row));
  }

  /** One endpoint. */
  find(name: Name): EndpointRecord | undefined {
    const row = this.#database.prepare('SELECT * FROM endpoints WHERE name = ?').get(name) as
      | EndpointRow
      | undefined;
    return row === undefined ? undefined : this.#toRecord(row);
  }

  /** The endpoint that a deployment belongs to. */
  findOfDeployment(deployment: Name): EndpointRecord | undefined {
    const row = this.#database
      .prepare('SELECT endpoint FROM endpoint_deployments WHERE deployment = ?')
      .get(deployment) as { endpoint: string } | undefined;
    return row === undefined ? undefined : this.find(row.endpoint);
  }

  /** Devices that run a deployment of an endpoint, by name. */
  listDevices(name: Name): Name[] {
    const rows = this.#database
      .prepare(
        `SELECT DISTINCT device FROM endpoint_deployments
         JOIN deployment_targets USING (deployment) WHERE endpoint = ? ORDER BY device`,
      )
      .all(name) as { device: string }[];
    return rows.map(({ device }) => device);
  }

  /** Makes an endpoint, or replaces its keys and shares; to be called inside a transaction. */
  put({ name, shares, keys, createdAt, updatedAt }: EndpointRecord): void {
    this.#database
      .prepare(
        `INSERT INTO endpoints (name, keys, created_at, updated_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET keys = excluded.keys, updated_at = excluded.updated_at`,
      )
      .run(name, keys === null ? null : JSON.stringify(keys), createdAt, updatedAt);
    this.#database.prepare('DELETE FROM endpoint_deployments WHERE endpoint = ?').run(name);
    const insert = this.#database.prepare(
      'INSERT INTO endpoint_deployments (deployment, endpoint, traffic, mirror) VALUES (?, ?, ?, ?)',
    );
    for (const [deployment, { traffic, mirror }] of shares) insert.run(deployment, name, traffic, mirror);
  }

  /** Forgets an endpoint; its deployments stay. */
  remove(name: Name): void {
    this.#database.prepare('DELETE FROM endpoints WHERE name = ?').run(name);
  }

  #toRecord(row: EndpointRow): EndpointRecord {
    const shares = this.#database
      .prepare(
        'SELECT deployment, traffic, mirror FROM endpoint_deployments WHERE endpoint = ? ORDER BY deployment',
      )
      .all(row.name) as ShareRow[];
    return {
      name: row.name,
      shares: new Map(shares.map(({ deployment, traffic, mirror }) => [deployment, { traffic, mirror }])),
      keys: row.keys === null ? null : (JSON.parse(row.keys) as EndpointRecord['keys']),
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
  }
}
