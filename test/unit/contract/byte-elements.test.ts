import { describe, expect, it } from 'vitest';
import { countByteElements, readByteElements, writeByteElements } from '../../../contract/byte-elements.ts';

describe('BYTES elements', () => {
  it('come back as they were written, from any place in a buffer', () => {
    const texts = ['', 'a', 'naïve', '🦆'.repeat(100), '\u0000'];
    const data = writeByteElements(texts);
    expect(data.length).toBe(4 * 5 + 0 + 1 + 6 + 400 + 1);
    const shifted = new Uint8Array(data.length + 3);
    shifted.set(data, 3);
    expect(readByteElements(shifted.subarray(3))).toEqual(texts);
    expect(countByteElements(shifted.subarray(3))).toBe(5);
    expect(countByteElements(new Uint8Array(0))).toBe(0);
  });

  it.each([
    ['a length cut short', [1, 0, 0]],
    ['an element cut short', [2, 0, 0, 0, 65]],
    ['a length beyond everything', [0xff, 0xff, 0xff, 0xff, 65]],
  ])('are not counted with %s', (_, bytes) => {
    expect(countByteElements(Uint8Array.from(bytes))).toBeUndefined();
  });

  it('refuse what is not UTF-8', () => {
    expect(readByteElements(Uint8Array.of(2, 0, 0, 0, 0xc3, 0x28))).toEqual([{ b64: 'wyg=' }]);
  });
});
