import { describe, expect, it } from 'vitest';
import {
  type AxisWindow,
  alignedRange,
  identityWindow,
  inputRangeOf,
} from '../../../../compiler/backend/ranges.ts';

function windowOf(change: Partial<AxisWindow>): AxisWindow {
  return { ...identityWindow(10), ...change };
}

describe('inputRangeOf', () => {
  it.each<[string, Partial<AxisWindow>, [number, number], [number, number, number]]>([
    ['a window of one', {}, [3, 7], [3, 7, 0]],
    ['a halo', { kernel: 3, padBefore: 1 }, [3, 7], [2, 8, 0]],
    ['the first rows', { kernel: 3, padBefore: 1 }, [0, 4], [0, 5, 1]],
    ['the last rows', { kernel: 3, padBefore: 1 }, [8, 10], [7, 10, 0]],
    ['a stride', { kernel: 3, padBefore: 1, stride: 2 }, [1, 3], [1, 6, 0]],
    ['a dilation', { kernel: 3, dilation: 2, padBefore: 2 }, [0, 2], [0, 4, 2]],
    ['padding alone before', { padBefore: 6 }, [0, 4], [0, 1, 6]],
    ['padding alone behind', { padBefore: 2 }, [13, 15], [9, 10, 2]],
    ['an upsampled range', { upsample: 3 }, [3, 8], [1, 3, 0]],
  ])('gives what lies under %s', (_, change, [start, end], [first, last, padBefore]) => {
    expect(inputRangeOf({ start, end }, windowOf(change))).toEqual({ start: first, end: last, padBefore });
  });
});

describe('alignedRange', () => {
  it('widens to whole copies of an element, within the output', () => {
    const window = windowOf({ upsample: 4, outputSize: 10 });
    expect(alignedRange({ start: 5, end: 9 }, window)).toEqual({ start: 4, end: 10 });
    expect(alignedRange({ start: 5, end: 9 }, windowOf({}))).toEqual({ start: 5, end: 9 });
  });
});
