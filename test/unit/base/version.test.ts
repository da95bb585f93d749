import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { sluiceVersion } from '../../../base/version.ts';
import { repositoryPath } from '../../support/paths.ts';

it('the version is that of package.json', () => {
  expect(sluiceVersion).toBe(JSON.parse(readFileSync(repositoryPath('package.json'), 'utf8')).version);
});
