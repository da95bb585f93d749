import { type HardwareConfiguration, hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import {
  encodeInstructions,
  type GemmInstruction,
  type Instruction,
  type MemoryName,
  noTokens,
  type RegionName,
  type TransferInstruction,
} from '../../contract/npu/instructions.ts';
import {
  type ChannelParameters,
  encodeParameterRecord,
  fixedScaleOf,
} from '../../contract/npu/parameters.ts';
import { encodeProgram, programLayout } from '../../contract/npu/program.ts';

const block = 16;
const { beatBytes } = programLayout;

/** One fully connected layer; `weights[output][input]`, sizes in whole blocks. */
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
    weights: Array.from({ length: outputs }, () => randomInt8(inputs, random)),
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
  const tiles = Buffer.concat(layers.map(tilesOf));
  const records = Buffer.concat(layers.map(recordsOf));
  const inputBytes = layers[0]?.weights[0]?.length ?? 0;
  const outputBytes = layers.at(-1)?.weights.length ?? 0;
  const gemms = gemmsOf(layers);
  const last = gemms.at(-1);
  return programOf(configuration, { inputBytes, outputBytes, weights: Buffer.concat([tiles, records]) }, [
    loadOf('WEIGHTS', 'WEIGHT', tiles.length),
    { ...loadOf('WEIGHTS', 'PARAMETER', records.length), dramOffset: tiles.length / beatBytes },
    { ...loadOf('INPUT', 'ACTIVATION', inputBytes), pushNext: true },
    ...gemms.map((gemm, index) => ({ ...gemm, popPrevious: index === 0, pushNext: gemm === last })),
    { ...storeOf(last?.outputAddress ?? 0, outputBytes), popPrevious: true },
  ]);
}

/** A program file from all instructions but FINISH. */
function programOf(
  configuration: string,
  sections: { inputBytes: number; outputBytes: number; weights: Uint8Array; arenaBytes?: number },
  instructions: readonly Instruction[],
): Uint8Array {
  return encodeProgram({
    arenaBytes: 0,
    ...sections,
    hardwareHash: hardwareNamed(configuration).hash,
    instructions: encodeInstructions([...instructions, { ...noTokens, operation: 'FINISH' }]),
  });
}

const oneRow = { ...noTokens, dramOffset: 0, rows: 1, dramPitchBeats: 0, sramAddress: 0, sramPitch: 0 };

function loadOf(region: RegionName, memory: MemoryName, bytes: number): TransferInstruction {
  return { ...oneRow, operation: 'LOAD', region, memory, rowBeats: bytes / beatBytes };
}

function storeOf(sramAddress: number, bytes: number): TransferInstruction {
  const rowBeats = bytes / beatBytes;
  return { ...oneRow, operation: 'STORE', region: 'OUTPUT', memory: 'ACTIVATION', sramAddress, rowBeats };
}

function gemmsOf(layers: readonly Layer[]): GemmInstruction[] {
  let activationAddress = 0;
  let weightAddress = 0;
  let parameterAddress = 0;
  return layers.map((layer, index) => {
    const inputBlocks = (layer.weights[0]?.length ?? 0) / block;
    const outputBlocks = layer.weights.length / block;
    const gemm: GemmInstruction = {
      ...noTokens,
      operation: 'GEMM',
      layer: index,
      activationAddress,
      weightAddress,
      parameterAddress,
      outputAddress: activationAddress + inputBlocks,
      rows: 1,
      inputBlocks,
      outputBlocks,
      activationPitch: inputBlocks,
      outputPitch: outputBlocks,
      outputZeroPoint: layer.outputZeroPoint,
      minimum: layer.minimum,
      maximum: 127,
    };
    activationAddress += inputBlocks;
    weightAddress += inputBlocks * outputBlocks;
    parameterAddress += layer.weights.length;
    return gemm;
  });
}

function tilesOf(layer: Layer): Uint8Array {
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

/**
 * A program for `kv260-m` that takes the simulator seconds: large products of zeros, again and again. Its
 * weight section ends with bytes that nothing reads.
 */
export function slowProgram(repetitions = 200, unusedBytes = 0): Uint8Array {
  const blocks = 32;
  const rows = 400;
  const tiles = new Uint8Array(blocks * blocks * block * block);
  const record = encodeParameterRecord({ bias: 0, multiplier: 0, shift: 1 });
  const records = Buffer.concat(Array.from({ length: blocks * block }, () => record));
  const inputBytes = rows * blocks * block;
  const gemm: GemmInstruction = {
    ...noTokens,
    operation: 'GEMM',
    activationAddress: 0,
    weightAddress: 0,
    parameterAddress: 0,
    outputAddress: rows * blocks,
    rows,
    inputBlocks: blocks,
    outputBlocks: blocks,
    activationPitch: blocks,
    outputPitch: blocks,
    outputZeroPoint: 0,
    minimum: -128,
    maximum: 127,
  };
  const weights = Buffer.concat([tiles, records, new Uint8Array(unusedBytes)]);
  return programOf('kv260-m', { inputBytes, outputBytes: block, weights }, [
    loadOf('WEIGHTS', 'WEIGHT', tiles.length),
    { ...loadOf('WEIGHTS', 'PARAMETER', records.length), dramOffset: tiles.length / beatBytes },
    loadOf('INPUT', 'ACTIVATION', inputBytes),
    ...Array.from({ length: repetitions }, () => gemm),
    storeOf(gemm.outputAddress, block),
  ]);
}

/** A program for `kv260-m` that takes the loader many seconds: 65,000 STOREs of 256 MiB each. */
export function endlesslyCheckedProgram(): Uint8Array {
  const rowBeats = 32_768;
  const rows = 512;
  const inputBytes = rowBeats * beatBytes;
  const store: TransferInstruction = {
    ...storeOf(0, inputBytes),
    region: 'ARENA',
    rows,
    dramPitchBeats: rowBeats,
  };
  const sections = {
    inputBytes,
    outputBytes: block,
    weights: new Uint8Array(0),
    arenaBytes: rows * inputBytes,
  };
  return programOf('kv260-m', sections, [
    loadOf('INPUT', 'ACTIVATION', inputBytes),
    ...Array.from({ length: 65_000 }, () => store),
    storeOf(0, block),
  ]);
}
