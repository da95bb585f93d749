import { describe, expect, it } from 'vitest';
import { emptyRecord } from '../../../../agent/images/image-set.ts';
import {
  crashesOf,
  mayTryAgain,
  withActivation,
  withActive,
  withCommit,
  withoutImage,
  withQuarantine,
  withSetback,
} from '../../../../agent/supervise/trial.ts';
import type { Digest } from '../../../../contract/names.ts';

const [a, b]: [Digest, Digest] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];
const error = { code: 'scoring_crashed' as const, message: 'it died', at: '2026-01-01T00:00:00.000Z' };
const good = withCommit(withActive(withActivation(emptyRecord(), a), a));

describe('trial of an image', () => {
  it('makes an image the one to fall back to only after its trial', () => {
    const onTrial = withActive(withActivation(good, b), b);
    expect(onTrial).toMatchObject({
      active: b,
      lastGood: a,
      trial: { image: b, crashes: 0, activating: false },
    });
    expect(withCommit(onTrial)).toMatchObject({ active: b, lastGood: b, trial: null });
  });

  it('counts crashes over retries and goes back to the last good image', () => {
    let record = withActivation(good, b);
    expect(record.trial).toEqual({ image: b, crashes: 0, activating: true });
    record = withSetback(record, b, { crashed: true });
    expect(record.active).toBe(a);
    record = withSetback(withActivation(record, b), b, { crashed: true });
    expect(crashesOf(record, b)).toBe(2);
    expect(crashesOf(record, a)).toBe(0);
    const condemned = withQuarantine(record, b, { error, quarantineMax: 4 });
    expect(condemned).toMatchObject({ active: a, lastGood: a, trial: null });
    expect(condemned.quarantine.map(({ digest }) => digest)).toEqual([b]);
    expect(mayTryAgain(record, b, 'scoring_crashed')).toBe(true);
    expect(mayTryAgain(condemned, b, 'scoring_crashed')).toBe(false);
  });

  it('keeps a trial of another image when one is committed', () => {
    const both = withActivation(withActive(withActivation(good, b), b), `sha256:${'c'.repeat(64)}`);
    expect(withCommit(both)).toMatchObject({ lastGood: b, trial: both.trial });
  });

  it('never gives up the last good image', () => {
    expect(mayTryAgain(good, a, 'golden_mismatch')).toBe(true);
    expect(mayTryAgain(good, b, 'golden_mismatch')).toBe(false);
    expect(mayTryAgain(good, b, 'transfer_stalled')).toBe(true);
    expect(withSetback(good, a, { crashed: true })).toBe(good);
    expect(withActivation(good, a)).toBe(good);
    expect(withActive(good, a)).toBe(good);
  });

  it('forgets an image whose blobs are damaged, and the oldest of too many condemned ones', () => {
    expect(withoutImage(good, a)).toMatchObject({ active: null, lastGood: null });
    let record = good;
    for (const letter of 'bcdef') {
      record = withQuarantine(record, `sha256:${letter.repeat(64)}`, { error, quarantineMax: 3 });
    }
    expect(record.quarantine.map(({ digest }) => digest[7])).toEqual(['d', 'e', 'f']);
  });
});
