import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { mediaTypes } from '../../contract/image.ts';
import { temporaryFolder } from '../support/paths.ts';
import { startWorkspace } from '../support/workspace-fixture.ts';

const run = promisify(execFile);
const hasSkopeo = spawnSync('skopeo', ['--version']).status === 0;
if (!hasSkopeo) process.stderr.write('SKIPPED: images read by skopeo; install the Debian package skopeo\n');

it.skipIf(!hasSkopeo)('skopeo reads and copies an image from the workspace as an OCI layout', async () => {
  const workspace = await startWorkspace();
  const image = await workspace.buildFashion();
  const source = `oci:${join(workspace.stateFolder, 'oci')}:fashion:1`;
  const { stdout } = await run('skopeo', ['inspect', '--raw', source]);
  expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 2, artifactType: mediaTypes.modelArtifact });
  // The copy checks every digest and size on its way.
  const copy = `oci:${join(temporaryFolder(), 'copy')}:fashion:1`;
  await run('skopeo', ['--insecure-policy', 'copy', source, copy]);
  const copied = await run('skopeo', ['inspect', '--raw', copy]);
  expect(digestOf(copied.stdout)).toBe(image.digest);
});
