import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { GuardedConnection } from '../../../../workspace/mqtt/guarded-connection.ts';

/** A socket whose peer takes one group of bytes at a time, when the test says so. */
class HeldSocket extends Duplex {
  readonly taken: number[] = [];
  #release: (() => void) | undefined;

  override _read(): void {}

  override _writev(pieces: { chunk: Buffer }[], callback: () => void): void {
    this.taken.push(pieces.reduce((sum, { chunk }) => sum + chunk.length, 0));
    this.#release = callback;
  }

  async takeGroup(): Promise<void> {
    const release = this.#release;
    this.#release = undefined;
    release?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function connection(packetBytesMax = 1 << 20) {
  const socket = new HeldSocket();
  const guarded = new GuardedConnection({ socket, packetBytesMax });
  const failures: string[] = [];
  guarded.on('error', (error: Error & { code?: string }) => failures.push(error.code ?? error.message));
  await new Promise((resolve) => setImmediate(resolve));
  return { socket, guarded, failures };
}

describe('a guarded connection', () => {
  it('says drain for every 64 KiB that leave, although more waits', async () => {
    const { socket, guarded } = await connection();
    let drains = 0;
    guarded.on('drain', () => (drains += 1));
    for (let index = 0; index < 4; index += 1) {
      guarded.write(Buffer.from([index]));
      guarded.write(Buffer.alloc(65_536));
    }
    const waiting: number[] = [];
    for (let round = 0; round < 6 && guarded.writableLength > 0; round += 1) {
      await socket.takeGroup();
      if (guarded.writableLength > 0) waiting.push(drains);
    }
    expect(guarded.writableLength).toBe(0);
    expect(waiting).toEqual([1, 2, 3, 4].slice(0, waiting.length));
    expect(waiting.length).toBeGreaterThanOrEqual(3);
    expect(socket.taken.reduce((sum, bytes) => sum + bytes, 0)).toBe(4 * 65_537);
    expect(Math.max(...socket.taken)).toBeLessThanOrEqual(65_537);
  });

  it('counts what the socket did not take yet', async () => {
    const { socket, guarded } = await connection();
    guarded.write(Buffer.alloc(1000));
    guarded.write(Buffer.alloc(500));
    expect(guarded.writableLength).toBe(1500);
    await socket.takeGroup();
    expect(guarded.writableLength).toBe(500);
  });

  it('closes at the header of a packet that is too large, and hands on nothing of it', async () => {
    const { socket, guarded, failures } = await connection(100);
    const received: Buffer[] = [];
    guarded.on('data', (piece: Buffer) => received.push(piece));
    socket.push(Buffer.from([0xc0, 0x00]));
    await new Promise((resolve) => setImmediate(resolve));
    socket.push(Buffer.from([0x30, 0xff, 0x7f]));
    await new Promise((resolve) => setImmediate(resolve));
    expect(Buffer.concat(received)).toEqual(Buffer.from([0xc0, 0x00]));
    expect(failures).toEqual(['limit_exceeded']);
    expect(socket.destroyed).toBe(true);
  });
});
