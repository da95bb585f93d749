// Written by scripts/generate-npu-constants.mjs from hls/config/*.json; change that and run it again.

/** Sizes of one NPU; each is the length of an array in its hardware. */
export interface HardwareConfiguration {
  name: string;
  /** Input lanes of the array, and int8 bytes of an activation word and of a beat. */
  inputParallel: number;
  /** Output lanes of the array; equal to inputParallel. */
  outputParallel: number;
  /** Columns computed at once, and words of a line of activation memory. */
  pixelParallel: number;
  /** Words that requantiser, tables and element-wise lanes finish in a clock. */
  vectorParallel: number;
  /** Lines of activation memory, pixelParallel words each. */
  activationLines: number;
  /** Tiles of outputParallel x inputParallel weights in weight memory. */
  weightTiles: number;
  /** Blocks of outputParallel channel records in parameter memory. */
  parameterBlocks: number;
  /** Tables of 256 int32 entries. */
  tableSlots: number;
  clockMhz: number;
  /** What the part holds, and where the big memories lie. */
  board: {
    part: string;
    dsp: number;
    /** Width of a multiplier's larger operand: 27 in UltraScale+, 25 in the 7 series. */
    multiplierPortBits: number;
    bram36: number;
    uram: number;
    lut: number;
    activationStorage: 'bram' | 'uram';
    weightStorage: 'bram' | 'uram';
    /** NPUs of this size that one board carries. */
    computeUnits: number;
  };
  /** What the timed simulation assumes. */
  timing: {
    /** What the figures were fitted to; 'none' until RTL or a board has been measured. */
    calibrated: string;
    dispatchCycles: number;
    executeFillCycles: number;
    memoryLatencyCycles: number;
    burstBeatsMax: number;
    /** 10^6 bytes a second that LOAD and STORE share. */
    memoryMegabytesPerSecond: number;
  };
  /** 64 hexadecimal digits; a program carries the hash of the hardware it was compiled for. */
  hash: string;
}

/** Every NPU there is, by name. */
export const hardwareConfigurations: Readonly<Record<string, HardwareConfiguration>> = {
  'ci': {
    name: 'ci',
    inputParallel: 8,
    outputParallel: 8,
    pixelParallel: 2,
    vectorParallel: 1,
    activationLines: 512,
    weightTiles: 256,
    parameterBlocks: 32,
    tableSlots: 4,
    clockMhz: 100,
    board: { part: 'none', dsp: 0, multiplierPortBits: 27, bram36: 0, uram: 0, lut: 0, activationStorage: 'bram', weightStorage: 'bram', computeUnits: 1 },
    timing: { calibrated: 'none', dispatchCycles: 4, executeFillCycles: 32, memoryLatencyCycles: 80, burstBeatsMax: 64, memoryMegabytesPerSecond: 1600 },
    hash: 'd441629dd3ef7cf1faf0498af96edf3988670d02ddb3e1834da3f401e718a1a4',
  },
  'kv260-l': {
    name: 'kv260-l',
    inputParallel: 16,
    outputParallel: 16,
    pixelParallel: 7,
    vectorParallel: 2,
    activationLines: 8192,
    weightTiles: 4096,
    parameterBlocks: 256,
    tableSlots: 4,
    clockMhz: 300,
    board: { part: 'K26', dsp: 1248, multiplierPortBits: 27, bram36: 144, uram: 64, lut: 117120, activationStorage: 'uram', weightStorage: 'uram', computeUnits: 1 },
    timing: { calibrated: 'none', dispatchCycles: 4, executeFillCycles: 32, memoryLatencyCycles: 80, burstBeatsMax: 64, memoryMegabytesPerSecond: 13440 },
    hash: '99008e0d1d57e458d8d2fac57e2f000fff6561606750e35cc6d952d420a53854',
  },
  'kv260-m': {
    name: 'kv260-m',
    inputParallel: 16,
    outputParallel: 16,
    pixelParallel: 4,
    vectorParallel: 2,
    activationLines: 8192,
    weightTiles: 4096,
    parameterBlocks: 256,
    tableSlots: 4,
    clockMhz: 300,
    board: { part: 'K26', dsp: 1248, multiplierPortBits: 27, bram36: 144, uram: 64, lut: 117120, activationStorage: 'uram', weightStorage: 'uram', computeUnits: 1 },
    timing: { calibrated: 'none', dispatchCycles: 4, executeFillCycles: 32, memoryLatencyCycles: 80, burstBeatsMax: 64, memoryMegabytesPerSecond: 13440 },
    hash: 'febb3290f9f9fcfeb091a6c9c2cbf6e57574803f8aa275b2cd5119169719941f',
  },
  'u50': {
    name: 'u50',
    inputParallel: 16,
    outputParallel: 16,
    pixelParallel: 7,
    vectorParallel: 4,
    activationLines: 16384,
    weightTiles: 8192,
    parameterBlocks: 512,
    tableSlots: 4,
    clockMhz: 300,
    board: { part: 'XCU50', dsp: 5952, multiplierPortBits: 27, bram36: 1344, uram: 640, lut: 872000, activationStorage: 'uram', weightStorage: 'uram', computeUnits: 4 },
    timing: { calibrated: 'none', dispatchCycles: 4, executeFillCycles: 32, memoryLatencyCycles: 120, burstBeatsMax: 64, memoryMegabytesPerSecond: 14400 },
    hash: '425a059e85a195812cc173bdaa4a15c81db5737586b9cd0aac19f44909b4c1c3',
  },
  'zynq7020': {
    name: 'zynq7020',
    inputParallel: 8,
    outputParallel: 8,
    pixelParallel: 4,
    vectorParallel: 2,
    activationLines: 4096,
    weightTiles: 2048,
    parameterBlocks: 256,
    tableSlots: 4,
    clockMhz: 150,
    board: { part: 'XC7Z020', dsp: 220, multiplierPortBits: 25, bram36: 140, uram: 0, lut: 53200, activationStorage: 'bram', weightStorage: 'bram', computeUnits: 1 },
    timing: { calibrated: 'none', dispatchCycles: 4, executeFillCycles: 32, memoryLatencyCycles: 80, burstBeatsMax: 64, memoryMegabytesPerSecond: 2980 },
    hash: '5cb724f6a8e28b0651ac845b0580c324b2e89a15d2387f6d2c2dfeec6208d5e6',
  },
};
