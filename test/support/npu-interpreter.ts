import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { parameterRecordLayout } from '../../contract/npu/instructions.generated.ts';
import {
  decodeInstruction,
  type GemmInstruction,
  type Instruction,
  type TransferInstruction,
} from '../../contract/npu/instructions.ts';
import { decodeProgramHeader, programLayout } from '../../contract/npu/program.ts';

const { beatBytes, headerBytes, instructionBytes } = programLayout;

/** Rounds to the nearest integer, ties to even. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Saturates to int8. */
export function saturate(value: number): number {
  return Math.min(Math.max(value, -128), 127);
}

/**
 * Naive reference of the NPU: runs one item through a program file, instruction by instruction, with
 * ONNX Runtime's requantisation in float32 (`Math.fround` after every operation). Nothing is shared with
 * the addon or the HLS sources.
 */
export function interpretProgram(program: Uint8Array, input: Uint8Array): Uint8Array {
  const header = decodeProgramHeader(program);
  const configuration = Object.values(hardwareConfigurations).find(
    ({ hash }) => hash === header.hardwareHash,
  );
  if (configuration === undefined) throw new Error('program for unknown hardware');
  const { block, activationWords, weightTiles, parameterRecords } = configuration;
  const machine: Machine = {
    block,
    memories: {
      ACTIVATION: new Uint8Array(activationWords * block),
      WEIGHT: new Uint8Array(weightTiles * block * block),
      PARAMETER: new Uint8Array(parameterRecords * parameterRecordLayout.bytes),
    },
    regions: {
      WEIGHTS: program.subarray(header.weightsOffset),
      INPUT: input,
      OUTPUT: new Uint8Array(header.outputBytes),
      ARENA: new Uint8Array(header.arenaBytes),
    },
  };
  for (const instruction of readInstructions(program)) {
    if (instruction.operation === 'GEMM') multiply(machine, instruction);
    else if (instruction.operation !== 'FINISH') transfer(machine, instruction);
  }
  return machine.regions.OUTPUT;
}

/** Decodes the instructions of a program file. */
export function readInstructions(program: Uint8Array): Instruction[] {
  return Array.from({ length: decodeProgramHeader(program).instructionCount }, (_, index) => {
    const start = headerBytes + index * instructionBytes;
    return decodeInstruction(program.subarray(start, start + instructionBytes));
  });
}

interface Machine {
  block: number;
  memories: Record<TransferInstruction['memory'], Uint8Array>;
  regions: Record<TransferInstruction['region'], Uint8Array>;
}

function transfer({ block, memories, regions }: Machine, instruction: TransferInstruction): void {
  const { memory, region, rows, rowBeats, dramOffset, dramPitchBeats, sramAddress, sramPitch } = instruction;
  const wordBytes = { ACTIVATION: block, WEIGHT: block * block, PARAMETER: beatBytes }[memory];
  for (let row = 0; row < rows; row += 1) {
    const outside = (dramOffset + row * dramPitchBeats) * beatBytes;
    const inside = (sramAddress + row * sramPitch) * wordBytes;
    const length = rowBeats * beatBytes;
    if (outside + length > regions[region].length || inside + length > memories[memory].length) {
      throw new Error(`${instruction.operation} out of bounds`);
    }
    if (instruction.operation === 'LOAD') {
      memories[memory].set(regions[region].subarray(outside, outside + length), inside);
    } else {
      regions[region].set(memories[memory].subarray(inside, inside + length), outside);
    }
  }
}

function multiply({ block, memories }: Machine, instruction: GemmInstruction): void {
  const { rows, inputBlocks, outputBlocks, activationAddress, activationPitch, outputAddress } = instruction;
  const activations = new Int8Array(memories.ACTIVATION.buffer);
  const weights = new Int8Array(memories.WEIGHT.buffer);
  for (let row = 0; row < rows; row += 1) {
    const inputStart = (activationAddress + row * activationPitch) * block;
    const outputStart = (outputAddress + row * instruction.outputPitch) * block;
    for (let output = 0; output < outputBlocks * block; output += 1) {
      const firstTile = instruction.weightAddress + Math.floor(output / block) * inputBlocks;
      let sum = 0;
      for (let input = 0; input < inputBlocks * block; input += 1) {
        const tile = firstTile + Math.floor(input / block);
        const weight = weights[(tile * block + (output % block)) * block + (input % block)] ?? Number.NaN;
        sum += weight * (activations[inputStart + input] ?? Number.NaN);
      }
      const record = (instruction.parameterAddress + output) * parameterRecordLayout.bytes;
      activations[outputStart + output] = requantise(
        sum,
        new DataView(memories.PARAMETER.buffer, record),
        instruction,
      );
    }
  }
}

function requantise(sum: number, record: DataView, instruction: GemmInstruction): number {
  const total = sum + record.getInt32(0, true);
  if (total !== (total | 0)) throw new Error('the sum leaves int32');
  const scale = record.getUint32(4, true) * 2 ** -record.getUint8(8);
  const scaled = Math.fround(Math.fround(total) * scale);
  const value = saturate(roundHalfEven(scaled) + instruction.outputZeroPoint);
  return Math.min(Math.max(value, instruction.minimum), instruction.maximum);
}
