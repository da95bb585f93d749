import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { agentLimits } from '../../../../agent/agent-limits.ts';
import { systemClock } from '../../../../agent/clock.ts';
import { type DeploymentRecord, emptyRecord, ImageSet } from '../../../../agent/images/image-set.ts';
import { Activator } from '../../../../agent/supervise/activator.ts';
import { newEntry } from '../../../../agent/supervise/deployment-entry.ts';
import { crashesOf } from '../../../../agent/supervise/trial.ts';
import { createLogger } from '../../../../base/logger.ts';
import type { Digest } from '../../../../contract/names.ts';
import { temporaryFolder } from '../../../support/paths.ts';

const [a, b]: [Digest, Digest] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];
const logger = createLogger({ name: 'test', level: 'silent' });

/** A deployment and its record in a folder that can be made to refuse every write. */
async function deployment(record: DeploymentRecord) {
  const path = join(temporaryFolder(), 'state', 'deployments.json');
  const images = new ImageSet({ path, logger });
  await images.set('fashion', record);
  const entry = newEntry('fashion');
  const activated: Digest[] = [];
  let whileActivating = async (): Promise<void> => undefined;
  const activator = new Activator({
    images,
    puller: { pull: async () => undefined, scrub: async () => undefined },
    scoring: {
      activate: async ({ image }) => {
        await whileActivating();
        activated.push(image);
      },
      remove: async () => undefined,
    },
    clock: systemClock,
    limits: { ...agentLimits, trialMs: 20 },
    logger,
    onEvent: () => undefined,
    onFailed: () => undefined,
    onSettled: () => undefined,
  });
  onTestFinished(() => clearTimeout(entry.trial));
  const breakDisk = async (): Promise<void> => {
    await rm(dirname(path), { recursive: true });
    await writeFile(dirname(path), '');
  };
  const mendDisk = async (): Promise<void> => {
    await rm(dirname(path));
    await mkdir(dirname(path));
  };
  const during = (work: () => Promise<void>): void => {
    whileActivating = work;
  };
  return { activator, entry, images, activated, breakDisk, mendDisk, during };
}

describe('an activator whose scoring process dies', () => {
  const good = { ...emptyRecord(), active: a, lastGood: a };

  it('blames an image that has just answered, while the disk is still told of it', async () => {
    const { activator, entry, images, during } = await deployment(good);
    // When all that follows the answer at once is done, and before any write to the disk is.
    during(async () => void setImmediate(() => activator.blame([entry])));
    entry.change = 'activate';
    await activator.activate(entry, b);
    expect(entry.running).toBeNull();
    expect(crashesOf(images.get('fashion'), b)).toBe(1);
  });

  it('leaves the blame to the image that it was switching to', async () => {
    const { activator, entry, images, during } = await deployment({
      ...good,
      active: b,
      trial: { image: b, crashes: 0, activating: false },
    });
    const other = newEntry('other');
    entry.running = b;
    during(async () => activator.blame([entry, other]));
    await activator.activate(other, a);
    expect(entry.running).toBeNull();
    expect(crashesOf(images.get('fashion'), b)).toBe(0);
  });
});

describe('an activator without a disk to write on', () => {
  it('restores what served before, also what is still on trial', async () => {
    const trial = { image: a, crashes: 0, activating: false };
    const { activator, entry, activated, breakDisk } = await deployment({
      ...emptyRecord(),
      active: a,
      trial,
    });
    await breakDisk();
    await activator.activate(entry, a);
    expect(activated).toEqual([a]);
    expect(entry.running).toBe(a);
  });

  it('tries nothing new, because nobody would know of it after a power cut', async () => {
    const { activator, entry, activated, breakDisk } = await deployment({
      ...emptyRecord(),
      active: a,
      lastGood: a,
    });
    await breakDisk();
    await expect(activator.activate(entry, b)).rejects.toThrow();
    expect(activated).toEqual([]);
  });

  it('lets an image that serves already outlive its trial', async () => {
    const { activator, entry, images, breakDisk, mendDisk, during } = await deployment({
      ...emptyRecord(),
      active: a,
      lastGood: a,
    });
    during(breakDisk);
    await activator.activate(entry, b);
    expect(entry.running).toBe(b);
    await mendDisk();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(images.get('fashion')).toMatchObject({ active: b, lastGood: b, trial: null });
  });
});
