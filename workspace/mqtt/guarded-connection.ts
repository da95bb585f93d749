import { Duplex } from 'node:stream';
import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { PacketMeter } from './packet-meter.ts';

type WriteCallback = (error?: Error | null) => void;

/**
 * A socket as the broker sees it. It closes at the first packet that is too large, which aedes itself
 * never limits, and its `writableLength` is what still waits for the peer.
 *
 * aedes closes a session whose writes stay undrained for its drain timeout, and Node says `drain` only
 * when everything is gone; a slow link that is fed steadily never gets there. So every 64 KiB that the
 * socket took count as a drain, and only a reader that takes less than that in the time is closed.
 */
export class GuardedConnection extends Duplex {
  readonly #socket: Duplex;
  readonly #meter: PacketMeter;
  readonly #packetBytesMax: number;

  constructor(options: { socket: Duplex; packetBytesMax: number }) {
    super({ allowHalfOpen: false });
    this.#socket = options.socket;
    this.#packetBytesMax = options.packetBytesMax;
    this.#meter = new PacketMeter(options.packetBytesMax);
  }

  override _construct(callback: (error?: Error | null) => void): void {
    this.#socket.on('data', (piece: Buffer) => this.#receive(piece));
    this.#socket.on('end', () => this.push(null));
    this.#socket.on('error', (error) => this.destroy(error));
    this.#socket.on('close', () => this.destroy());
    callback();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: WriteCallback): void {
    this.#socket.write(chunk, (error) => this.#written(callback, error));
  }

  override _writev(pieces: { chunk: Buffer }[], callback: WriteCallback): void {
    let end = 0;
    this.#socket.cork();
    for (let bytes = 0; end < pieces.length && bytes < limits.chunkBytes; end += 1) {
      const chunk = pieces[end]?.chunk ?? Buffer.of();
      bytes += chunk.length;
      const last = end === pieces.length - 1 || bytes >= limits.chunkBytes;
      if (last) this.#socket.write(chunk, (error) => this.#groupWritten(pieces.slice(end), callback, error));
      else this.#socket.write(chunk);
    }
    this.#socket.uncork();
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }

  #receive(piece: Buffer): void {
    if (!this.#meter.accept(piece)) {
      this.destroy(
        new SluiceError(
          'limit_exceeded',
          `MQTT packet: larger than ${this.#packetBytesMax} bytes, or malformed`,
        ),
      );
      return;
    }
    if (!this.push(piece)) this.#socket.pause();
  }

  #groupWritten(rest: { chunk: Buffer }[], callback: WriteCallback, error: Error | null | undefined): void {
    if (error || rest.length === 0) {
      this.#written(callback, error);
      return;
    }
    if (this.writableNeedDrain) this.emit('drain');
    this._writev(rest, callback);
  }

  #written(callback: WriteCallback, error: Error | null | undefined): void {
    callback(error);
    if (this.writableNeedDrain) this.emit('drain');
  }
}
