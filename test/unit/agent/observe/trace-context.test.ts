import { describe, expect, it } from 'vitest';
import {
  formatTraceParent,
  parseTraceParent,
  traceStateOf,
} from '../../../../agent/observe/trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';

describe('a traceparent', () => {
  it('is read and written', () => {
    const text = `00-${traceId}-${parentId}-01`;
    const parsed = parseTraceParent(text);
    expect(parsed).toEqual({ traceId, parentId, isSampled: true });
    expect(parsed && formatTraceParent(parsed)).toBe(text);
    // Flags that nobody knows yet beside the one that says no.
    expect(parseTraceParent(`00-${traceId}-${parentId}-fe`)?.isSampled).toBe(false);
  });

  it('of a later version may say more', () => {
    expect(parseTraceParent(`cc-${traceId}-${parentId}-01-what-ever`)).toEqual({
      traceId,
      parentId,
      isSampled: true,
    });
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['capital letters', `00-${traceId.toUpperCase()}-${parentId}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${parentId}-01`],
    ['a parent of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['the version that never is', `ff-${traceId}-${parentId}-01`],
    ['more than version 00 has', `00-${traceId}-${parentId}-01-x`],
    ['a later version without its separator', `01-${traceId}-${parentId}-01x`],
    ['a digit too few', `00-${traceId.slice(1)}-${parentId}-01`],
    ['a space in front', ` 00-${traceId}-${parentId}-01`],
    ['two in one header', `00-${traceId}-${parentId}-01, 00-${traceId}-${parentId}-01`],
  ])('is none: %s', (_what, text) => {
    expect(parseTraceParent(text)).toBeUndefined();
  });
});

describe('a tracestate', () => {
  it('is passed on as it came, several headers as one, and never cut', () => {
    expect(traceStateOf('a=1,b=2')).toBe('a=1,b=2');
    expect(traceStateOf(['a=1', 'b=2'])).toBe('a=1,b=2');
    expect(traceStateOf('x'.repeat(512))).toBe('x'.repeat(512));
    expect(traceStateOf('x'.repeat(513))).toBeUndefined();
    expect(traceStateOf(undefined)).toBeUndefined();
  });
});
