import { describe, expect, it } from 'vitest';
import { agentLimits } from '../../../../agent/agent-limits.ts';
import { addStatistics } from '../../../../agent/scoring/open-inference/add-statistics.ts';
import { scoringLimits } from '../../../../agent/scoring-limits.ts';

const one = {
  name: 'm',
  version: '2',
  last_inference: 20,
  inference_count: 3,
  inference_stats: { success: { count: 2, ns: 500 } },
  batch_stats: [{ batch_size: 1, compute_infer: { count: 2, ns: 400 } }],
};

describe('statistics of several processes', () => {
  it('are added, by version and batch size', () => {
    const other = {
      ...one,
      last_inference: 10,
      batch_stats: [...one.batch_stats, { batch_size: 4, compute_infer: { count: 1, ns: 7 } }],
    };
    expect(addStatistics([one], [other, { ...one, version: '1' }, { ...one, name: 'n' }])).toEqual([
      {
        name: 'm',
        version: '2',
        last_inference: 20,
        inference_count: 6,
        inference_stats: { success: { count: 4, ns: 1000 } },
        batch_stats: [
          { batch_size: 1, compute_infer: { count: 4, ns: 800 } },
          { batch_size: 4, compute_infer: { count: 1, ns: 7 } },
        ],
      },
    ]);
  });

  it('leave those of a process on its own as they are', () => {
    expect(addStatistics([one], [])).toEqual([one]);
  });
});

describe('limits of several processes', () => {
  it('end before those of the control process, which would kill all of them', () => {
    expect(scoringLimits.processStartMs).toBeLessThan(agentLimits.listenTimeoutMs);
    expect(scoringLimits.processActivateMs).toBeLessThan(agentLimits.activateTimeoutMs);
    expect(scoringLimits.processRemoveMs).toBeLessThan(agentLimits.removeTimeoutMs);
  });
});
