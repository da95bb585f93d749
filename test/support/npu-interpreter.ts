import { type HardwareConfiguration, hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { parameterRecordLayout, tableLayout } from '../../contract/npu/instructions.generated.ts';
import {
  type AddInstruction,
  type ConvolveInstruction,
  decodeInstruction,
  type Instruction,
  type MultiplyInstruction,
  type PoolInstruction,
  type TransferInstruction,
} from '../../contract/npu/instructions.ts';
import { decodeProgramHeader, programLayout } from '../../contract/npu/program.ts';
import { addTerms, requantised } from './npu-arithmetic.ts';

const { headerBytes, instructionBytes } = programLayout;

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
 * Naive reference of the NPU: runs one item through a program file in program order, straight from
 * hls/isa/README.md. Nothing is shared with the addon, the HLS sources or the compiler.
 */
export function interpretProgram(program: Uint8Array, input: Uint8Array): Uint8Array {
  const header = decodeProgramHeader(program);
  const configuration = Object.values(hardwareConfigurations).find(
    ({ hash }) => hash === header.hardwareHash,
  );
  if (configuration === undefined) throw new Error('program for unknown hardware');
  if (input.length !== header.inputBytes) throw new Error('input of another size');
  const machine = new Machine(configuration, {
    WEIGHTS: program.subarray(header.weightsOffset),
    INPUT: input,
    OUTPUT: new Uint8Array(header.outputBytes),
    ARENA: new Uint8Array(header.arenaBytes),
  });
  for (const instruction of readInstructions(program)) machine.run(instruction);
  return machine.regions.OUTPUT;
}

/** Decodes the instructions of a program file. */
export function readInstructions(program: Uint8Array): Instruction[] {
  return Array.from({ length: decodeProgramHeader(program).instructionCount }, (_, index) => {
    const start = headerBytes + index * instructionBytes;
    return decodeInstruction(program.subarray(start, start + instructionBytes));
  });
}

/** A tensor in activation memory. */
interface Tensor {
  address: number;
  rowPitch: number;
  blockPitch: number;
}

type Regions = Record<TransferInstruction['region'], Uint8Array>;

/** What activation memory holds before a program writes it: no value that a right program can show. */
const unwritten = 0x55;

class Machine {
  readonly regions: Regions;
  readonly #width: number;
  readonly #pixels: number;
  readonly #activation: Int8Array;
  readonly #weights: Int8Array;
  readonly #parameters: DataView;
  readonly #tables: DataView;

  constructor(configuration: HardwareConfiguration, regions: Regions) {
    const { inputParallel, pixelParallel, activationLines, weightTiles } = configuration;
    this.regions = regions;
    this.#width = inputParallel;
    this.#pixels = pixelParallel;
    this.#activation = new Int8Array(activationLines * pixelParallel * inputParallel).fill(unwritten);
    this.#weights = new Int8Array(weightTiles * inputParallel * inputParallel);
    const recordBytes = inputParallel * parameterRecordLayout.bytes;
    this.#parameters = new DataView(new ArrayBuffer(configuration.parameterBlocks * recordBytes));
    this.#tables = new DataView(new ArrayBuffer(configuration.tableSlots * tableLayout.bytes));
  }

  run(instruction: Instruction): void {
    switch (instruction.operation) {
      case 'LOAD':
      case 'STORE':
        if (instruction.memory === 'ACTIVATION') this.#move(instruction);
        else this.#fill(instruction);
        break;
      case 'CONVOLVE':
        this.#convolve(instruction);
        break;
      case 'POOL':
        this.#pool(instruction);
        break;
      case 'ADD':
      case 'MULTIPLY':
        this.#combine(instruction);
        break;
      case 'FINISH':
    }
  }

  /** First byte of a word of a tensor. */
  #word(tensor: Tensor, place: { block: number; row: number; column: number }): number {
    const { block, row, column } = place;
    const line =
      tensor.address + block * tensor.blockPitch + row * tensor.rowPitch + Math.floor(column / this.#pixels);
    const first = (line * this.#pixels + (column % this.#pixels)) * this.#width;
    if (first + this.#width > this.#activation.length) throw new Error('a line outside of the memory');
    return first;
  }

  #move(instruction: TransferInstruction): void {
    const { blocks, rows, columns, dramOffset, dramRowPitch, dramBlockPitch, region } = instruction;
    const outside = new Int8Array(this.regions[region].buffer, this.regions[region].byteOffset);
    for (let block = 0; block < blocks; block += 1) {
      for (let row = 0; row < rows; row += 1) {
        for (let column = 0; column < columns; column += 1) {
          const inner = this.#word(instruction, { block, row, column });
          const beat = dramOffset + block * dramBlockPitch + row * dramRowPitch + column;
          const outer = beat * this.#width;
          if (outer + this.#width > this.regions[region].length) throw new Error(`outside of ${region}`);
          for (let lane = 0; lane < this.#width; lane += 1) {
            if (instruction.operation === 'LOAD') {
              this.#activation[inner + lane] = outside[outer + lane] as number;
            } else outside[outer + lane] = this.#activation[inner + lane] as number;
          }
        }
      }
    }
  }

  #fill({ memory, address, rows, dramOffset }: TransferInstruction): void {
    const target = {
      WEIGHT: { bytes: this.#width * this.#width, into: this.#weights },
      PARAMETER: { bytes: this.#width * parameterRecordLayout.bytes, into: bytesOf(this.#parameters) },
      TABLE: { bytes: tableLayout.bytes, into: bytesOf(this.#tables) },
    }[memory as 'WEIGHT' | 'PARAMETER' | 'TABLE'];
    const from = dramOffset * this.#width;
    const length = rows * target.bytes;
    if (from + length > this.regions.WEIGHTS.length) throw new Error('outside of WEIGHTS');
    target.into.set(this.regions.WEIGHTS.subarray(from, from + length), address * target.bytes);
  }

  #table(slot: number, value: number): number {
    return this.#tables.getInt32(slot * tableLayout.bytes + (value + 128) * 4, true);
  }

  /** Through the table that an instruction names, if it does. */
  #mapped({ table }: { table: number }, value: number): number {
    return table === 0 ? value : (this.#table(table - 1, value) << 24) >> 24;
  }

  #convolve(instruction: ConvolveInstruction): void {
    const output = outputOf(instruction);
    for (let block = 0; block < instruction.outputBlocks; block += 1) {
      for (let row = 0; row < instruction.outputRows; row += 1) {
        for (let column = 0; column < instruction.outputColumns; column += 1) {
          const to = this.#word(output, { block, row, column });
          const sums = this.#sums(instruction, { block, row, column });
          for (let lane = 0; lane < this.#width; lane += 1) {
            const channel = (instruction.parameterAddress + block) * this.#width + lane;
            const record = channel * parameterRecordLayout.bytes;
            const biased = ((sums[lane] as number) + this.#parameters.getInt32(record, true)) | 0;
            const packed = this.#parameters.getUint32(record + 4, true);
            const scale = (packed & 0xffffff) * 2 ** -(packed >>> 24);
            this.#activation[to + lane] = this.#mapped(instruction, requantised(biased, scale, instruction));
          }
        }
      }
    }
  }

  /** Sums of one output word. */
  #sums(instruction: ConvolveInstruction, place: { block: number; row: number; column: number }): Int32Array {
    const { kernelRows, kernelColumns, inputBlocks, depthwise, padValue, weightAddress } = instruction;
    const width = this.#width;
    const sums = new Int32Array(width);
    const padding = new Int8Array(width).fill(padValue);
    for (let tap = 0; tap < kernelRows * kernelColumns; tap += 1) {
      const row = tapRow(instruction, place.row, Math.floor(tap / kernelColumns));
      const column = tapColumn(instruction, place.column, tap % kernelColumns);
      const isInside =
        row >= 0 && row < instruction.inputRows && column >= 0 && column < instruction.inputColumns;
      for (let input = 0; input < inputBlocks; input += 1) {
        const block = depthwise ? place.block : input;
        const from = isInside ? this.#word(inputOf(instruction), { block, row, column }) : 0;
        const values = isInside ? this.#activation.subarray(from, from + width) : padding;
        if (depthwise) {
          const tile = weightAddress + place.block * Math.ceil((kernelRows * kernelColumns) / width);
          this.#addDepthwise(sums, { values, row: tile * width + tap });
        } else {
          const tile = weightAddress + (place.block * kernelRows * kernelColumns + tap) * inputBlocks + input;
          this.#addDense(sums, { values, tile });
        }
      }
    }
    return sums;
  }

  /** Rows of W weights follow one another through the tiles. */
  #addDepthwise(sums: Int32Array, { values, row }: { values: Int8Array; row: number }): void {
    for (let lane = 0; lane < sums.length; lane += 1) {
      const weight = this.#weights[row * this.#width + lane] as number;
      sums[lane] = (sums[lane] as number) + weight * (values[lane] as number);
    }
  }

  #addDense(sums: Int32Array, { values, tile }: { values: Int8Array; tile: number }): void {
    const width = this.#width;
    for (let lane = 0; lane < width; lane += 1) {
      let sum = sums[lane] as number;
      const first = (tile * width + lane) * width;
      for (let input = 0; input < width; input += 1) {
        sum += (this.#weights[first + input] as number) * (values[input] as number);
      }
      sums[lane] = sum;
    }
  }

  #pool(instruction: PoolInstruction): void {
    const { blocks, outputRows, outputColumns } = instruction;
    const output = outputOf(instruction);
    for (let block = 0; block < blocks; block += 1) {
      for (let row = 0; row < outputRows; row += 1) {
        for (let column = 0; column < outputColumns; column += 1) {
          const values = this.#maxima(instruction, { block, row, column });
          const to = this.#word(output, { block, row, column });
          for (const [lane, value] of values.entries()) {
            const clamped = Math.min(Math.max(value, instruction.minimum), instruction.maximum);
            this.#activation[to + lane] = this.#mapped(instruction, clamped);
          }
        }
      }
    }
  }

  #maxima(instruction: PoolInstruction, place: { block: number; row: number; column: number }): Int8Array {
    const { kernelRows, kernelColumns, upsampleRows, upsampleColumns, inputRows, inputColumns } = instruction;
    const maxima = new Int8Array(this.#width).fill(-128);
    for (let tap = 0; tap < kernelRows * kernelColumns; tap += 1) {
      const row = tapRow(instruction, place.row, Math.floor(tap / kernelColumns));
      const column = tapColumn(instruction, place.column, tap % kernelColumns);
      const isInside =
        row >= 0 && row < inputRows * upsampleRows && column >= 0 && column < inputColumns * upsampleColumns;
      const source = {
        block: place.block,
        row: Math.floor(row / upsampleRows),
        column: Math.floor(column / upsampleColumns),
      };
      const from = isInside ? this.#word(inputOf(instruction), source) : 0;
      for (const [lane, value] of maxima.entries()) {
        const tapValue = isInside ? (this.#activation[from + lane] as number) : instruction.padValue;
        maxima[lane] = Math.max(value, tapValue);
      }
    }
    return maxima;
  }

  #combine(instruction: AddInstruction | MultiplyInstruction): void {
    const { blocks, rows, columns, broadcast } = instruction;
    const first = tensorOf(instruction, 'first');
    const second = tensorOf(instruction, 'second');
    const output = tensorOf(instruction, 'output');
    for (let block = 0; block < blocks; block += 1) {
      for (let row = 0; row < rows; row += 1) {
        for (let column = 0; column < columns; column += 1) {
          const place = { block, row, column };
          const from = this.#word(first, place);
          const other = this.#word(second, broadcast ? { block, row: 0, column: 0 } : place);
          const to = this.#word(output, place);
          for (let lane = 0; lane < this.#width; lane += 1) {
            const values = [this.#activation[from + lane], this.#activation[other + lane]] as [
              number,
              number,
            ];
            this.#activation[to + lane] = this.#combined(instruction, values);
          }
        }
      }
    }
  }

  #combined(instruction: AddInstruction | MultiplyInstruction, [first, second]: [number, number]): number {
    if (instruction.operation === 'ADD') {
      const terms = [
        this.#table(instruction.firstTable, first),
        this.#table(instruction.secondTable, second),
      ];
      return addTerms(terms[0] as number, terms[1] as number, {
        ...instruction,
        tieWindow: instruction.window,
      });
    }
    const product = (first - instruction.firstZeroPoint) * (second - instruction.secondZeroPoint);
    return requantised(product, instruction.multiplier * 2 ** -instruction.shift, instruction);
  }
}

type WindowInstruction = ConvolveInstruction | PoolInstruction;

function tapRow(instruction: WindowInstruction, row: number, tap: number): number {
  return row * instruction.strideRows + tap * instruction.dilationRows - instruction.padTop;
}

function tapColumn(instruction: WindowInstruction, column: number, tap: number): number {
  return column * instruction.strideColumns + tap * instruction.dilationColumns - instruction.padLeft;
}

function inputOf(instruction: WindowInstruction): Tensor {
  const { inputAddress, inputRowPitch, inputBlockPitch } = instruction;
  return { address: inputAddress, rowPitch: inputRowPitch, blockPitch: inputBlockPitch };
}

function outputOf(instruction: WindowInstruction): Tensor {
  const { outputAddress, outputRowPitch, outputBlockPitch } = instruction;
  return { address: outputAddress, rowPitch: outputRowPitch, blockPitch: outputBlockPitch };
}

function tensorOf(
  instruction: AddInstruction | MultiplyInstruction,
  name: 'first' | 'second' | 'output',
): Tensor {
  return {
    address: instruction[`${name}Address`],
    rowPitch: instruction[`${name}RowPitch`],
    blockPitch: instruction[`${name}BlockPitch`],
  };
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer);
}
