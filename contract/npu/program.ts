import { SluiceError } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * NPU program file, little-endian.
 *
 *   offset   0  char[8]  magic "SLUICEPG"
 *   offset   8  u32      format version, 2
 *   offset  12  u32      header size, 128
 *   offset  16  u8[32]   hardware configuration hash
 *   offset  48  u32      number of instructions (32 bytes each)
 *   offset  52  u32      CRC-32 of the instruction section
 *   offset  56  u64      size of the weight section
 *   offset  64  u32      CRC-32 of the weight section
 *   offset  68  u32      bytes of one input item
 *   offset  72  u32      bytes of one output item
 *   offset  76  u32      bytes of the arena (activations spilled off chip)
 *   offset  80  u8[44]   reserved, zero
 *   offset 124  u32      CRC-32 of the 124 bytes before
 *   offset 128           instructions, then zeros to a multiple of 64, then weights to the end of the file
 *
 * Regions are addressed in beats: as many bytes as the NPU has input lanes, 8 or 16. Input, output and
 * arena sizes are multiples of 16.
 */
export const programLayout = {
  magic: 'SLUICEPG',
  formatVersion: 2,
  headerBytes: 128,
  instructionBytes: 32,
  weightsAlignmentBytes: 64,
  regionAlignmentBytes: 16,
} as const;

/** What the header of a program says, and where its sections stand in the file. */
export interface ProgramHeader {
  /** 64 hexadecimal digits. */
  hardwareHash: string;
  instructionCount: number;
  inputBytes: number;
  outputBytes: number;
  arenaBytes: number;
  weightsOffset: number;
  weightsBytes: number;
}

/** Sections of a program about to be written. */
export interface ProgramSections {
  hardwareHash: string;
  /** 32 bytes an instruction. */
  instructions: Uint8Array;
  weights: Uint8Array;
  inputBytes: number;
  outputBytes: number;
  arenaBytes: number;
}

const crcTable = new Uint32Array(256).map((_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 (IEEE 802.3, reflected, as zlib's); node:zlib has it from Node 22.2 on only. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function weightsOffsetOf(instructionCount: number): number {
  const { headerBytes, instructionBytes, weightsAlignmentBytes } = programLayout;
  const end = headerBytes + instructionCount * instructionBytes;
  return Math.ceil(end / weightsAlignmentBytes) * weightsAlignmentBytes;
}

/** Writes a program file; the same sections always give the same bytes. */
export function encodeProgram(sections: ProgramSections): Uint8Array {
  const { headerBytes, instructionBytes } = programLayout;
  const instructionCount = sections.instructions.length / instructionBytes;
  const weightsOffset = weightsOffsetOf(instructionCount);
  const file = new Uint8Array(weightsOffset + sections.weights.length);
  const view = new DataView(file.buffer);
  file.set(new TextEncoder().encode(programLayout.magic), 0);
  view.setUint32(8, programLayout.formatVersion, true);
  view.setUint32(12, headerBytes, true);
  file.set(hexToBytes(sections.hardwareHash), 16);
  view.setUint32(48, instructionCount, true);
  view.setUint32(52, crc32(sections.instructions), true);
  view.setBigUint64(56, BigInt(sections.weights.length), true);
  view.setUint32(64, crc32(sections.weights), true);
  view.setUint32(68, sections.inputBytes, true);
  view.setUint32(72, sections.outputBytes, true);
  view.setUint32(76, sections.arenaBytes, true);
  view.setUint32(124, crc32(file.subarray(0, 124)), true);
  file.set(sections.instructions, headerBytes);
  file.set(sections.weights, weightsOffset);
  return file;
}

/**
 * Reads and checks the header of a program file: magic, version, sizes and the header's own checksum.
 * The sections' checksums and the instructions themselves are the device's to check.
 * Throws `program_invalid`.
 */
export function decodeProgramHeader(file: Uint8Array): ProgramHeader {
  const { headerBytes, formatVersion, magic } = programLayout;
  if (file.length < headerBytes) throw invalid(`${file.length} bytes, at least ${headerBytes} expected`);
  if (file.length > limits.programBytesMax) throw invalid(`larger than ${limits.programBytesMax} bytes`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (new TextDecoder('latin1').decode(file.subarray(0, 8)) !== magic) throw invalid('not an NPU program');
  if (view.getUint32(8, true) !== formatVersion) {
    throw invalid(`format version ${view.getUint32(8, true)}, ${formatVersion} expected`);
  }
  if (view.getUint32(124, true) !== crc32(file.subarray(0, 124))) throw invalid('the header is damaged');
  const instructionCount = view.getUint32(48, true);
  const weightsOffset = weightsOffsetOf(instructionCount);
  const weightsBytes = Number(view.getBigUint64(56, true));
  if (view.getUint32(12, true) !== headerBytes || weightsOffset + weightsBytes !== file.length) {
    throw invalid(`${file.length} bytes, ${weightsOffset + weightsBytes} announced by the header`);
  }
  return {
    hardwareHash: bytesToHex(file.subarray(16, 48)),
    instructionCount,
    inputBytes: view.getUint32(68, true),
    outputBytes: view.getUint32(72, true),
    arenaBytes: view.getUint32(76, true),
    weightsOffset,
    weightsBytes,
  };
}

function invalid(reason: string): SluiceError {
  return new SluiceError('program_invalid', `NPU program: ${reason}`);
}

function hexToBytes(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16),
  );
}

function bytesToHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
