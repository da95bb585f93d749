import { describe, expect, it } from 'vitest';
import { PacketMeter } from '../../../../workspace/mqtt/packet-meter.ts';

/** A PUBLISH packet whose body has `bodyBytes`, its length encoded as MQTT does. */
function packet(bodyBytes: number): Uint8Array {
  const header = [0x30];
  let left = bodyBytes;
  do {
    header.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Uint8Array.from([...header, ...new Uint8Array(bodyBytes).fill(0xff)]);
}

describe('a packet meter', () => {
  it.each([1, 2, 3, 7, 1000])('follows packets cut into pieces of %i bytes', (pieceBytes) => {
    const stream = Buffer.concat([packet(0), packet(127), packet(128), packet(5), packet(200)]);
    const meter = new PacketMeter(203);
    for (let offset = 0; offset < stream.length; offset += pieceBytes) {
      expect(meter.accept(stream.subarray(offset, offset + pieceBytes))).toBe(true);
    }
    const oversized = packet(201);
    expect(meter.accept(oversized.subarray(0, 2))).toBe(true);
    expect(meter.accept(oversized.subarray(2, 3))).toBe(false);
  });

  it('counts the fixed header', () => {
    expect(new PacketMeter(10).accept(packet(8))).toBe(true);
    expect(new PacketMeter(10).accept(packet(9))).toBe(false);
  });

  it('refuses a length of five bytes', () => {
    const meter = new PacketMeter(Number.MAX_SAFE_INTEGER);
    expect(meter.accept(Uint8Array.from([0x30, 0x80, 0x80, 0x80]))).toBe(true);
    expect(meter.accept(Uint8Array.from([0x80]))).toBe(false);
  });

  it('refuses an oversized packet before its body', () => {
    expect(new PacketMeter(1000).accept(Uint8Array.from([0x10, 0xff, 0xff, 0xff, 0x7f]))).toBe(false);
  });
});
