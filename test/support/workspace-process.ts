import { readFile } from 'node:fs/promises';
import { createLogger } from '../../base/logger.ts';
import { Workspace } from '../../workspace/workspace.ts';

// A workspace in a process of its own, for tests that kill it: adds the device `kept`, then says so.
const workspace = new Workspace({
  stateFolder: process.argv[2] ?? '',
  apiPort: 0,
  mqttPort: 0,
  logger: createLogger({ name: 'test', level: 'silent' }),
});
const { apiUrl, adminTokenPath } = await workspace.start();
const response = await fetch(`${apiUrl}/api/v1/devices`, {
  method: 'POST',
  headers: { authorization: `Bearer ${(await readFile(adminTokenPath, 'utf8')).trim()}` },
  body: '{"name":"kept"}',
});
process.send?.({ status: response.status });
