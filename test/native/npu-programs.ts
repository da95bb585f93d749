import { type HardwareConfiguration, hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import {
  type ConvolveInstruction,
  encodeInstructions,
  type Instruction,
  noTokens,
  type TransferInstruction,
} from '../../contract/npu/instructions.ts';
import {
  type ChannelParameters,
  encodeParameterRecord,
  fixedScaleOf,
} from '../../contract/npu/parameters.ts';
import { encodeProgram } from '../../contract/npu/program.ts';

type Memory = TransferInstruction['memory'];
type Region = TransferInstruction['region'];

/** One fully connected layer; `weights[output][input]`, sizes in whole blocks of 16. */
export interface Layer {
  weights: Int8Array[];
  bias: number[];
  /** One float32 an output. */
  scale: number[];
  outputZeroPoint: number;
  minimum: number;
}

/** Repeatable random numbers from 0 to below 1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Random int8 numbers. */
export function randomInt8(count: number, random: () => number): Int8Array {
  return Int8Array.from({ length: count }, () => Math.floor(random() * 256) - 128);
}

/** A layer whose results spread over all of int8. */
export function randomLayer(inputs: number, outputs: number, random: () => number): Layer {
  const outputZeroPoint = Math.floor(random() * 100) - 50;
  return {
    weights: Array.from({ length: outputs }, () =>
      randomInt8(inputs, random).map((weight) => Math.max(weight, -127)),
    ),
    bias: Array.from({ length: outputs }, () => Math.floor((random() - 0.5) * 50_000)),
    scale: Array.from({ length: outputs }, () => Math.fround((0.5 + random()) / (60 * Math.sqrt(inputs)))),
    outputZeroPoint,
    minimum: random() < 0.5 ? outputZeroPoint : -128,
  };
}

/** The named configuration. */
export function hardwareNamed(name: string): HardwareConfiguration {
  const hardware = hardwareConfigurations[name];
  if (hardware === undefined) throw new Error(`no configuration ${name}`);
  return hardware;
}

/** A program of fully connected layers, every layer's weights resident, with tokens between the units. */
export function layersProgram(layers: readonly Layer[], configuration: string): Uint8Array {
  const hardware = hardwareNamed(configuration);
  const tiles = Buffer.concat(layers.map((layer) => tilesOf(layer, hardware)));
  const records = Buffer.concat(layers.map(recordsOf));
  const inputBytes = layers[0]?.weights[0]?.length ?? 0;
  const outputBytes = layers.at(-1)?.weights.length ?? 0;
  const multiplies = multipliesOf(layers, hardware);
  const last = multiplies.at(-1);
  const items = itemsOf(hardware);
  return programOf(hardware, { inputBytes, outputBytes, weights: Buffer.concat([tiles, records]) }, [
    loadOf('WEIGHT', 0, tiles.length / items.tileBytes),
    loadOf('PARAMETER', tiles.length / items.beatBytes, records.length / items.parameterBytes),
    { ...columnOf('LOAD', 'INPUT', 0, inputBytes / items.beatBytes), pushNext: true },
    ...multiplies.map((one, index) => ({ ...one, popPrevious: index === 0, pushNext: one === last })),
    {
      ...columnOf('STORE', 'OUTPUT', last?.outputAddress ?? 0, outputBytes / items.beatBytes),
      popPrevious: true,
    },
  ]);
}

/** A program file from all instructions but FINISH. */
function programOf(
  hardware: HardwareConfiguration,
  sections: { inputBytes: number; outputBytes: number; weights: Uint8Array; arenaBytes?: number },
  instructions: readonly Instruction[],
): Uint8Array {
  return encodeProgram({
    arenaBytes: 0,
    ...sections,
    hardwareHash: hardware.hash,
    instructions: encodeInstructions([...instructions, { ...noTokens, operation: 'FINISH' }]),
  });
}

function itemsOf(hardware: HardwareConfiguration) {
  const beatBytes = hardware.inputParallel;
  return { beatBytes, tileBytes: beatBytes * beatBytes, parameterBytes: beatBytes * 8 };
}

const packed = {
  ...noTokens,
  dramOffset: 0,
  address: 0,
  columns: 1,
  rows: 1,
  blocks: 1,
  dramRowPitch: 0,
  dramBlockPitch: 0,
  rowPitch: 0,
  blockPitch: 0,
};

/** LOAD of tiles, channel blocks or tables. */
function loadOf(memory: Memory, dramOffset: number, rows: number): TransferInstruction {
  return { ...packed, operation: 'LOAD', region: 'WEIGHTS', memory, dramOffset, rows };
}

/** A vector: one pixel of so many channel blocks, each in a line of its own. */
function columnOf(
  operation: 'LOAD' | 'STORE',
  region: Region,
  address: number,
  blocks: number,
): TransferInstruction {
  const pitches = { dramBlockPitch: 1, blockPitch: 1 };
  return { ...packed, operation, region, memory: 'ACTIVATION', address, blocks, ...pitches };
}

/** A 1 x 1 convolution of one pixel. */
function multiplyOf(inputBlocks: number, outputBlocks: number): ConvolveInstruction {
  return {
    ...noTokens,
    operation: 'CONVOLVE',
    inputAddress: 0,
    weightAddress: 0,
    parameterAddress: 0,
    outputAddress: inputBlocks,
    outputRows: 1,
    outputColumns: 1,
    outputBlocks,
    inputBlocks,
    inputRows: 1,
    inputColumns: 1,
    kernelRows: 1,
    kernelColumns: 1,
    strideRows: 1,
    strideColumns: 1,
    dilationRows: 1,
    dilationColumns: 1,
    padTop: 0,
    padLeft: 0,
    inputRowPitch: 0,
    inputBlockPitch: 1,
    outputRowPitch: 0,
    outputBlockPitch: 1,
    padValue: 0,
    outputZeroPoint: 0,
    minimum: -128,
    maximum: 127,
    depthwise: 0,
    table: 0,
  };
}

function multipliesOf(layers: readonly Layer[], hardware: HardwareConfiguration): ConvolveInstruction[] {
  let inputAddress = 0;
  let weightAddress = 0;
  let parameterAddress = 0;
  return layers.map((layer, index) => {
    const inputBlocks = (layer.weights[0]?.length ?? 0) / hardware.inputParallel;
    const outputBlocks = layer.weights.length / hardware.outputParallel;
    const multiply: ConvolveInstruction = {
      ...multiplyOf(inputBlocks, outputBlocks),
      layer: index,
      inputAddress,
      weightAddress,
      parameterAddress,
      outputAddress: inputAddress + inputBlocks,
      outputZeroPoint: layer.outputZeroPoint,
      minimum: layer.minimum,
    };
    inputAddress += inputBlocks;
    weightAddress += inputBlocks * outputBlocks;
    parameterAddress += outputBlocks;
    return multiply;
  });
}

function tilesOf(layer: Layer, { inputParallel: block }: HardwareConfiguration): Uint8Array {
  const inputBlocks = (layer.weights[0]?.length ?? 0) / block;
  const bytes = new Int8Array(layer.weights.length * inputBlocks * block);
  for (const [output, row] of layer.weights.entries()) {
    for (const [input, weight] of row.entries()) {
      const tile = Math.floor(output / block) * inputBlocks + Math.floor(input / block);
      bytes[(tile * block + (output % block)) * block + (input % block)] = weight;
    }
  }
  return new Uint8Array(bytes.buffer);
}

function recordsOf(layer: Layer): Uint8Array {
  const parameters = layer.scale.map(
    (scale, output): ChannelParameters => ({ bias: layer.bias[output] ?? 0, ...fixedScaleOf(scale) }),
  );
  return Uint8Array.from(Buffer.concat(parameters.map(encodeParameterRecord)));
}

/** The layers one number at a time, in float32 as ONNX Runtime's MLAS computes them. */
export function referenceAnswer(layers: readonly Layer[], input: Int8Array): Int8Array {
  return layers.reduce((activations, layer) => {
    const outputs = layer.weights.map((row, output) => {
      let sum = layer.bias[output] ?? 0;
      for (const [index, weight] of row.entries()) sum += weight * (activations[index] ?? 0);
      const scaled = Math.fround(Math.fround(sum | 0) * (layer.scale[output] ?? 0));
      const shifted = roundHalfEven(scaled) + layer.outputZeroPoint;
      return Math.min(127, Math.max(layer.minimum, shifted));
    });
    return Int8Array.from(outputs);
  }, input);
}

function roundHalfEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}

/** What one convolution of `slowProgram` is: every size is this. */
export const slowSizes = { rows: 20, columns: 20, blocks: 16, kernel: 3 } as const;

/**
 * A program for `kv260-m` that takes the simulator seconds: large convolutions of zeros, again and again,
 * with one word as output. Its weight section ends with bytes that nothing reads.
 */
export function slowProgram(repetitions = 2000, unusedBytes = 0): Uint8Array {
  const hardware = hardwareNamed('kv260-m');
  const { beatBytes, tileBytes, parameterBytes } = itemsOf(hardware);
  const { rows, columns, blocks, kernel } = slowSizes;
  const lines = Math.ceil(columns / hardware.pixelParallel);
  const tileCount = blocks * blocks * kernel * kernel;
  const tiles = new Uint8Array(tileCount * tileBytes);
  const record = encodeParameterRecord({ bias: 0, multiplier: 0, shift: 1 });
  const records = Buffer.concat(
    Array.from({ length: (blocks * parameterBytes) / record.length }, () => record),
  );
  const inputBytes = blocks * rows * columns * beatBytes;
  const pitches = { rowPitch: lines, blockPitch: rows * lines };
  const convolve: ConvolveInstruction = {
    ...multiplyOf(blocks, blocks),
    ...{ outputAddress: blocks * rows * lines, outputRows: rows, outputColumns: columns },
    ...{ inputRows: rows, inputColumns: columns, kernelRows: kernel, kernelColumns: kernel },
    ...{ padTop: 1, padLeft: 1, inputRowPitch: lines, inputBlockPitch: rows * lines },
    ...{ outputRowPitch: lines, outputBlockPitch: rows * lines },
  };
  const input: TransferInstruction = {
    ...{ ...columnOf('LOAD', 'INPUT', 0, blocks), ...pitches, rows, columns, pushNext: true },
    ...{ dramRowPitch: columns, dramBlockPitch: rows * columns },
  };
  const weights = Buffer.concat([tiles, records, new Uint8Array(unusedBytes)]);
  return programOf(hardware, { inputBytes, outputBytes: beatBytes, weights }, [
    loadOf('WEIGHT', 0, tileCount),
    loadOf('PARAMETER', tiles.length / beatBytes, blocks),
    input,
    ...Array.from({ length: repetitions }, (_, index) => ({
      ...convolve,
      popPrevious: index === 0,
      pushNext: index === repetitions - 1,
    })),
    { ...columnOf('STORE', 'OUTPUT', convolve.outputAddress, 1), popPrevious: true },
  ]);
}

/** A program for `kv260-m` that the loader follows for as long as it allows: 65,000 large STOREs. */
export function endlesslyCheckedProgram(): Uint8Array {
  const hardware = hardwareNamed('kv260-m');
  const { beatBytes } = itemsOf(hardware);
  const rows = 16_383;
  const blocks = 500;
  const word = columnOf('STORE', 'OUTPUT', 0, 1);
  const store: TransferInstruction = {
    ...word,
    ...{ region: 'ARENA', rows, blocks, dramRowPitch: 2, dramBlockPitch: 2 * rows + 1, blockPitch: 0 },
  };
  const arenaBytes = blocks * (2 * rows + 1) * beatBytes;
  const sections = { inputBytes: beatBytes, outputBytes: beatBytes, weights: new Uint8Array(0), arenaBytes };
  return programOf(hardware, sections, [
    columnOf('LOAD', 'INPUT', 0, 1),
    ...Array.from({ length: 65_000 }, () => store),
    word,
  ]);
}
