/** Bits of length that one byte of a remaining length carries, and how many such bytes there can be. */
const lengthBase = 128;
const lengthBytesMax = 4;

/**
 * Follows the framing of MQTT packets (3.1.1, section 2.2) in a byte stream, so that an oversized one
 * is known by its fixed header, before anything buffers it.
 */
export class PacketMeter {
  readonly #packetBytesMax: number;
  #bodyBytesLeft = 0;
  /** Bytes of the current fixed header read so far; 0 between packets. */
  #headerBytes = 0;
  #length = 0;

  constructor(packetBytesMax: number) {
    this.#packetBytesMax = packetBytesMax;
  }

  /** Takes the next piece of the stream; false once a packet is too large or its length malformed. */
  accept(piece: Uint8Array): boolean {
    let offset = 0;
    while (offset < piece.length) {
      if (this.#bodyBytesLeft > 0) {
        const taken = Math.min(this.#bodyBytesLeft, piece.length - offset);
        this.#bodyBytesLeft -= taken;
        offset += taken;
        continue;
      }
      if (!this.#acceptHeaderByte(piece[offset] ?? 0)) return false;
      offset += 1;
    }
    return true;
  }

  #acceptHeaderByte(byte: number): boolean {
    this.#headerBytes += 1;
    if (this.#headerBytes === 1) {
      this.#length = 0;
      return true;
    }
    this.#length += (byte % lengthBase) * lengthBase ** (this.#headerBytes - 2);
    if (byte >= lengthBase) return this.#headerBytes <= lengthBytesMax;
    const packetBytes = this.#headerBytes + this.#length;
    this.#headerBytes = 0;
    this.#bodyBytesLeft = this.#length;
    return packetBytes <= this.#packetBytesMax;
  }
}
