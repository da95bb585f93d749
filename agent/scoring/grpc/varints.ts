const groupBits = 7;
const groupsMax = 10;

/** Takes an element: its index, and the low and the high 32 bits of it. */
export type TakeVarint = (index: number, low: number, high: number) => void;

/**
 * Reads varints (protobuf encoding, base 128) that follow each other, at most `most` of them, without an object
 * for each. Gives how many there are; more than `most` when there are more. Throws an `Error` for a cut one.
 */
export function readVarints(bytes: Uint8Array, most: number, take: TakeVarint): number {
  let position = 0;
  let count = 0;
  while (position < bytes.length) {
    if (count === most) return count + 1;
    let low = 0;
    let high = 0;
    for (let group = 0; ; group += 1) {
      if (position === bytes.length || group === groupsMax) throw new Error('a varint has no end');
      const byte = bytes[position] as number;
      const bits = byte & 0x7f;
      position += 1;
      const shift = group * groupBits;
      if (shift < 32) low |= bits << shift;
      // The fifth group has bits of both halves.
      if (shift >= 32) high |= bits << (shift - 32);
      else if (shift > 32 - groupBits) high |= bits >> (32 - shift);
      if (byte < 0x80) break;
    }
    take(count, low, high);
    count += 1;
  }
  return count;
}
