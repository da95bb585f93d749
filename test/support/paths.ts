import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** Root of the repository, seen from the compiled tests. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** A file of the repository. */
export function repositoryPath(...parts: string[]): string {
  return join(repositoryRoot, ...parts);
}

/** A fresh folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}
