import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { describeSequences } from '../../../cli/commands/sequence-options.ts';
import {
  addTuningOptions,
  describeTuning,
  type TuningChoices,
  tuningOf,
} from '../../../cli/commands/tuning.ts';
import type { RunManifest } from '../../../contract/image.ts';

function read(...words: string[]): ReturnType<typeof tuningOf> {
  const command = addTuningOptions(
    new Command().exitOverride().configureOutput({ writeErr: () => undefined }),
  );
  return tuningOf(command.parse(words, { from: 'user' }).opts<TuningChoices>());
}

describe('options of how engines run', () => {
  it('are fields of the build request, and nothing when none is given', () => {
    expect(read()).toEqual({});
    expect(read('--sessions', '2', '--placement', 'thread', '--queue-depth', '8')).toEqual({
      sessions: 2,
      placement: 'thread',
      queueDepth: 8,
    });
    expect(read('--batch-max', '16', '--batch-delay-us', '500', '--batch-preferred', '4,8')).toEqual({
      batching: { itemsMax: 16, delayMicroseconds: 500, preferredItems: [4, 8] },
    });
    expect(read('--batch-max', '1')).toEqual({ batching: { itemsMax: 1 } });
  });

  it.each([
    ['--batch-delay-us', '5'],
    ['--batch-delay-us', '0'],
    ['--batch-preferred', '4'],
    ['--batch-max', 'many'],
    ['--batch-max', '8', '--batch-preferred', '4,'],
    ['--placement', 'nowhere'],
  ])('refuse %s %s', (...words) => {
    expect(() => read(...words)).toThrow();
  });
});

/** As far as it is described. */
function manifest(routes: Partial<RunManifest['routes']>, sequence?: RunManifest['sequence']): RunManifest {
  const all = { policy: 'auto', cpu: { sessions: 1 }, ...routes };
  return { routes: all, limits: { queueDepth: 256 }, sequence } as unknown as RunManifest;
}

describe('how an image runs, in words', () => {
  it('says what the device decides', () => {
    expect([...describeTuning(manifest({})), ...describeSequences(manifest({}))]).toEqual([
      'route    auto',
      'queue    256 requests, 1 session, placement auto',
      'batches  as the device finds to be exact and faster',
    ]);
    expect(describeTuning(manifest({ batching: { itemsMax: 1 } })).at(-1)).toBe('batches  none');
  });

  it('says what the image asks for', () => {
    const batching = { itemsMax: 16, delayMicroseconds: 500, preferredItems: [4, 8] };
    const cpu = { sessions: 2, placement: 'thread' } as const;
    const sequence = { state: [{ input: 'state', output: 'stateN' }], idleMs: 60_000, sequencesMax: 9 };
    const run = manifest({ shadow: 0.01, batching, cpu }, sequence);
    expect([...describeTuning(run), ...describeSequences(run)]).toEqual([
      'route    auto, 0.01 of the requests on both',
      'queue    256 requests, 2 sessions, placement thread',
      'batches  up to 16 items, preferably 4 or 8, waiting 500 us for others',
      'state    state from stateN',
      '         9 sequences, each until 60000 ms without a request',
    ]);
  });
});
