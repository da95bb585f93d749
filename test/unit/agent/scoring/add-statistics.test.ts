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

  it('add copies and second runs, and tell the breaker that stands worse', () => {
    const withRoutes = (state: string, failures: number) => ({
      ...one,
      mirror_stats: { succeeded: 1, failed: 0, skipped: 2 },
      sluice: {
        breaker: { state, failures, setbacks: 0 },
        second_runs: { runs: 3, skipped: 0, failed: 0, bytes: 40, differingBytes: 0 },
      },
    });
    const sum = (...states: string[]) => {
      const [own, ...others] = states.map((state, index) => withRoutes(state, index + 1));
      return own && addStatistics([own], others)[0];
    };
    expect(sum('closed', 'open', 'half-open')).toMatchObject({
      mirror_stats: { succeeded: 3, failed: 0, skipped: 6 },
      sluice: {
        breaker: { state: 'open', failures: 2, setbacks: 0 },
        second_runs: { runs: 9, skipped: 0, failed: 0, bytes: 120, differingBytes: 0 },
      },
    });
    expect(sum('half-open', 'closed')).toMatchObject({
      sluice: { breaker: { state: 'half-open', failures: 1 } },
    });
    expect(sum('closed', 'closed')).toMatchObject({ sluice: { breaker: { state: 'closed', failures: 1 } } });
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
