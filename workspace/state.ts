import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobStore } from '../base/blob-store.ts';
import { removeTemporaryFiles } from '../base/durable-files.ts';
import { loadAdminToken } from './keys/admin-token.ts';
import { loadSigningKey, type SigningKey } from './keys/signing-key.ts';
import { OciLayout } from './registry/oci-layout.ts';
import { Database } from './storage/database.ts';
import { DeploymentsTable } from './storage/deployments.ts';
import { DesiredTable } from './storage/desired.ts';
import { DevicesTable } from './storage/devices.ts';
import { EndpointsTable } from './storage/endpoints.ts';
import { ImagesTable } from './storage/images.ts';
import { ModelsTable } from './storage/models.ts';
import { SettingsTable } from './storage/settings.ts';

/** Everything that a workspace keeps on disk. */
export interface WorkspaceState {
  database: Database;
  models: ModelsTable;
  images: ImagesTable;
  devices: DevicesTable;
  deployments: DeploymentsTable;
  endpoints: EndpointsTable;
  desired: DesiredTable;
  blobs: BlobStore;
  layout: OciLayout;
  signingKey: SigningKey;
  adminToken: string;
  adminTokenPath: string;
  /** Made once; desired documents of another epoch are those of another workspace. */
  epoch: string;
}

/**
 * Opens a state folder, making what is missing. The database comes first, because its lock keeps a second
 * workspace from touching the rest. Throws `state_invalid`.
 */
export async function openState(folder: string): Promise<WorkspaceState> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const database = new Database(join(folder, 'workspace.db'));
  database.start();
  try {
    return await openRest(folder, database);
  } catch (thrown) {
    database.stop();
    throw thrown;
  }
}

async function openRest(folder: string, database: Database): Promise<WorkspaceState> {
  await removeTemporaryFiles(folder);
  const ociFolder = join(folder, 'oci');
  const blobs = new BlobStore(ociFolder);
  await blobs.start();
  const images = new ImagesTable(database);
  const layout = new OciLayout(ociFolder);
  await layout.start(images.list());
  const adminTokenPath = join(folder, 'admin-token');
  return {
    database,
    models: new ModelsTable(database),
    images,
    devices: new DevicesTable(database),
    deployments: new DeploymentsTable(database),
    endpoints: new EndpointsTable(database),
    desired: new DesiredTable(database),
    blobs,
    layout,
    signingKey: await loadSigningKey(join(folder, 'signing-key.pem')),
    adminToken: await loadAdminToken(adminTokenPath),
    adminTokenPath,
    epoch: new SettingsTable(database).getOrMake('epoch', randomUUID),
  };
}
