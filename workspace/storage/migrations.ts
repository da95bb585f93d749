/**
 * The schema, as steps: step n brings `user_version` from n to n + 1. A step that was released never
 * changes; a change is a new step at the end.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE models (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    description TEXT NOT NULL,
    signature TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (name, version),
    UNIQUE (name, digest)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE images (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    manifest_bytes INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    content TEXT NOT NULL,
    model_name TEXT NOT NULL,
    model_version INTEGER NOT NULL,
    accelerated TEXT,
    config TEXT NOT NULL,
    layers TEXT NOT NULL,
    signature TEXT NOT NULL,
    referrer TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (name, version),
    UNIQUE (name, content),
    FOREIGN KEY (model_name, model_version) REFERENCES models (name, version)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE devices (
    name TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL,
    created_at TEXT NOT NULL,
    presence TEXT,
    reported TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE deployments (
    name TEXT PRIMARY KEY,
    image_name TEXT NOT NULL,
    image_version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    FOREIGN KEY (image_name, image_version) REFERENCES images (name, version)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE deployment_targets (
    deployment TEXT NOT NULL REFERENCES deployments (name) ON DELETE CASCADE,
    device TEXT NOT NULL REFERENCES devices (name),
    PRIMARY KEY (deployment, device)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX deployment_targets_by_device ON deployment_targets (device);

  -- Outlives its device: one that comes back under its name must never see a generation again.
  CREATE TABLE desired (
    device TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    issued_at TEXT NOT NULL,
    deployments TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE endpoints (
    name TEXT PRIMARY KEY,
    -- JSON: SHA-256 and instant of the primary and the secondary key; NULL for an endpoint without.
    keys TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- A deployment belongs to one endpoint at most.
  CREATE TABLE endpoint_deployments (
    deployment TEXT PRIMARY KEY REFERENCES deployments (name) ON DELETE CASCADE,
    endpoint TEXT NOT NULL REFERENCES endpoints (name) ON DELETE CASCADE,
    traffic INTEGER NOT NULL,
    mirror INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX endpoint_deployments_by_endpoint ON endpoint_deployments (endpoint);

  ALTER TABLE desired ADD COLUMN endpoints TEXT NOT NULL DEFAULT '[]';
  `,
  `
  -- JSON: what is collected of a deployment's requests; NULL for nothing.
  ALTER TABLE deployments ADD COLUMN collect TEXT;
  `,
];
