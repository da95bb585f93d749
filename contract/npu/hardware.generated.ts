// Written by scripts/generate-npu-constants.mjs from hls/config/*.json; change that and run it again.

/** Sizes of one NPU; each is the length of an array in its hardware. */
export interface HardwareConfiguration {
  name: string;
  /** Input lanes, output lanes, and int8 bytes of an activation word. */
  block: number;
  /** Rows computed at once. */
  pixelParallel: number;
  /** Words of activation memory. */
  activationWords: number;
  /** Tiles of block x block weights in weight memory. */
  weightTiles: number;
  /** Channel records in parameter memory. */
  parameterRecords: number;
  clockMhz: number;
  /** 64 hexadecimal digits; a program carries the hash of the hardware it was compiled for. */
  hash: string;
}

/** Every NPU there is, by name. */
export const hardwareConfigurations: Readonly<Record<string, HardwareConfiguration>> = {
  'ci': {
    name: 'ci',
    block: 16,
    pixelParallel: 1,
    activationWords: 1024,
    weightTiles: 128,
    parameterRecords: 128,
    clockMhz: 100,
    hash: '1b34f6e1754c9b2b75f50948b83a2a89ac78ead23d709604b99bc18f2a39def0',
  },
  'kv260-m': {
    name: 'kv260-m',
    block: 16,
    pixelParallel: 4,
    activationWords: 32768,
    weightTiles: 4096,
    parameterRecords: 4096,
    clockMhz: 300,
    hash: '0cfe5ec9105b05e9f767c12472073c47cd83c0ecc281d6a10242cec13be295cd',
  },
};
