import { expect, it } from 'vitest';
import { scoringEnvironment } from '../../../../agent/supervise/scoring-environment.ts';

it('a scoring process gets no token, a fixed threshold of the allocator, and whatever else is set', () => {
  const given = { PATH: '/bin', SLUICE_TOKEN: 'secret', SLUICE_DEVICE_TOKEN: 'secret' };
  expect(scoringEnvironment(given)).toEqual({ PATH: '/bin', MALLOC_MMAP_THRESHOLD_: '131072' });
  expect(scoringEnvironment({ MALLOC_MMAP_THRESHOLD_: '4096' })).toEqual({ MALLOC_MMAP_THRESHOLD_: '4096' });
});
