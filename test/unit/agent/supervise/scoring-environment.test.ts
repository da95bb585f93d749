import { expect, it } from 'vitest';
import { scoringEnvironment } from '../../../../agent/supervise/scoring-environment.ts';

it('a scoring process gets no token, a fixed threshold of the allocator, and whatever else is set', () => {
  const given = { PATH: '/bin', SLUICE_TOKEN: 'secret', SLUICE_DEVICE_TOKEN: 'secret' };
  expect(scoringEnvironment(given)).toEqual({
    PATH: '/bin',
    MALLOC_MMAP_THRESHOLD_: '4194304',
    MALLOC_TRIM_THRESHOLD_: '8388608',
  });
  expect(scoringEnvironment({ MALLOC_MMAP_THRESHOLD_: '4096' })).toMatchObject({
    MALLOC_MMAP_THRESHOLD_: '4096',
  });
});
