import { describe, expect, it } from 'vitest';
import { Scratchpad } from '../../../../compiler/backend/scratchpad.ts';

describe('Scratchpad', () => {
  it('goes round the memory and gives up what nothing reads again', () => {
    const pad = new Scratchpad(10);
    expect(pad.place('a', { size: 4, step: 0, uses: [0] })).toBe(0);
    expect(pad.place('b', { size: 4, step: 1, uses: [1] })).toBe(4);
    expect(pad.find('a')).toBeUndefined();
    expect(pad.place('c', { size: 3, step: 2, uses: [2] })).toBe(0);
  });

  it('keeps what is read again as long as there is room', () => {
    const pad = new Scratchpad(10);
    pad.place('a', { size: 4, step: 0, uses: [0, 9] });
    for (let step = 1; step < 9; step += 1) {
      expect(pad.place(`item ${step}`, { size: 3, step, uses: [step] })).toBeGreaterThanOrEqual(4);
    }
    expect(pad.find('a')).toBe(0);
  });

  it('gives up what is read again the latest, but not what steps just before read', () => {
    const pad = new Scratchpad(8);
    pad.place('late', { size: 2, step: 0, uses: [0, 30] });
    pad.place('soon', { size: 2, step: 1, uses: [1, 8] });
    pad.place('busy', { size: 2, step: 5, uses: [5, 40] });
    pad.place('fresh', { size: 2, step: 6, uses: [6, 50] });
    pad.place('new', { size: 2, step: 7, uses: [7] });
    expect(['late', 'soon', 'busy', 'fresh'].filter((key) => pad.find(key) === undefined)).toEqual(['late']);
  });

  it('refuses to give up what the step itself reads', () => {
    const pad = new Scratchpad(4);
    pad.place('a', { size: 3, step: 0, uses: [0] });
    expect(() => pad.place('b', { size: 3, step: 0, uses: [0] })).toThrow(/more than 4/);
  });
});
