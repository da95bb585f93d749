import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addTuningOptions, type TuningChoices, tuningOf } from '../../../cli/commands/tuning.ts';

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
