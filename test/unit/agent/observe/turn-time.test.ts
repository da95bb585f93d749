import { describe, expect, it } from 'vitest';
import { TurnTime } from '../../../../agent/observe/turn-time.ts';

describe('a turn of the event loop', () => {
  it('ends once its time is used up, and not before', async () => {
    let nowMs = 100;
    const turn = new TurnTime(() => nowMs);
    expect(await hasTurnedAfter(turn)).toBe(false);
    nowMs += 7.9;
    expect(await hasTurnedAfter(turn)).toBe(false);
    nowMs += 0.2;
    expect(await hasTurnedAfter(turn)).toBe(true);
    nowMs += 7.9;
    expect(await hasTurnedAfter(turn)).toBe(false);
  });
});

/** Whether the event loop turned while the work went on. */
async function hasTurnedAfter(turn: TurnTime): Promise<boolean> {
  let hasTurned = false;
  const immediate = setImmediate(() => {
    hasTurned = true;
  });
  await turn.next();
  clearImmediate(immediate);
  return hasTurned;
}
