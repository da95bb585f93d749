import { describe, expect, it } from 'vitest';
import { decodeBlockFrame, encodeBlockFrame } from '../../../contract/block-frame.ts';

describe('block frames', () => {
  it('carry a chunk', () => {
    const frame = { kind: 'data', stream: 0xfedc, index: 0x12345678, bytes: Uint8Array.of(1, 2, 3) } as const;
    const bytes = encodeBlockFrame(frame);
    expect([...bytes]).toEqual([1, 0, 0xdc, 0xfe, 0x78, 0x56, 0x34, 0x12, 1, 2, 3]);
    expect(decodeBlockFrame(bytes)).toEqual(frame);
  });

  it('carry a refusal', () => {
    const frame = {
      kind: 'refusal',
      stream: 1,
      index: 2,
      error: { code: 'blob_unavailable', message: 'gone' },
    } as const;
    expect(decodeBlockFrame(encodeBlockFrame(frame))).toEqual(frame);
  });

  it('take an unreadable refusal for a refusal', () => {
    const bytes = Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0x7b);
    expect(decodeBlockFrame(bytes)).toMatchObject({ kind: 'refusal', error: { code: 'blob_unavailable' } });
  });

  it.each([
    ['too short', Uint8Array.of(1, 0, 0)],
    ['of another version', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0)],
    ['of an unknown kind', Uint8Array.of(1, 9, 0, 0, 0, 0, 0, 0)],
  ])('are refused when %s', (_, bytes) => {
    expect(() => decodeBlockFrame(bytes)).toThrowError(expect.objectContaining({ code: 'invalid_request' }));
  });
});
