import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyRecord, ImageSet } from '../../../../agent/images/image-set.ts';
import { createLogger } from '../../../../base/logger.ts';
import { temporaryFolder } from '../../../support/paths.ts';

describe('the deployments of a device', () => {
  it('are on the disk once they are settled, with the newest change', async () => {
    const path = join(temporaryFolder(), 'deployments.json');
    const images = new ImageSet({ path, logger: createLogger({ name: 'test', level: 'silent' }) });
    await images.start();
    for (const name of ['a', 'b', 'c']) void images.set(name, emptyRecord());
    await images.settled();
    const { deployments } = JSON.parse(readFileSync(path, 'utf8')) as { deployments: object };
    expect(Object.keys(deployments)).toEqual(['a', 'b', 'c']);
  });

  it('settle also when they cannot be written', async () => {
    const notAFolder = join(temporaryFolder(), 'file');
    writeFileSync(notAFolder, '');
    const path = join(notAFolder, 'deployments.json');
    const images = new ImageSet({ path, logger: createLogger({ name: 'test', level: 'silent' }) });
    const refused = expect(images.set('a', emptyRecord())).rejects.toThrow();
    await images.settled();
    await refused;
  });
});
