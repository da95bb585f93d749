import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type Normalisation, pictureTensor } from '../../base/pictures/picture-tensor.ts';
import { readPicture } from '../../base/pictures/read-picture.ts';
import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { datatypeBytes, elementCount } from '../../contract/tensor-data.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { type CalibrationInput, describeShape } from './calibration-inputs.ts';
import { readJsonSamples } from './json-samples.ts';
import { readNumpy } from './npy.ts';

/** Largest file of a calibration folder. */
const fileBytesMax = 256 * 1024 * 1024;

/** How to read a folder. */
export interface CalibrationOptions {
  inputs: readonly CalibrationInput[];
  normalisation: Normalisation;
  signal?: AbortSignal;
  /** Told the part of the files that is read. */
  onRead?: (fraction: number) => void;
}

/** Samples in the order of their files' names. */
export interface Calibration {
  samples: Tensor[][];
  /** Files that were not read because a limit was reached. */
  skippedFileCount: number;
}

type Reader = (bytes: Uint8Array, file: string, options: CalibrationOptions) => Tensor[][];

const readers: Readonly<Record<string, Reader>> = {
  '.f32': (bytes, file, options) => [[readRaw(bytes, file, onlyInput(file, options))]],
  '.npy': (bytes, file, options) => splitArray(bytes, file, onlyInput(file, options)),
  '.json': (bytes, file, { inputs }) =>
    readJsonSamples(bytes, file).map((sample) => checkedSample(sample, file, inputs)),
  '.png': readPictureFile,
  '.jpg': readPictureFile,
  '.jpeg': readPictureFile,
};

/**
 * Reads the samples of a folder: `.f32`, `.npy`, `.json`, `.png` and `.jpg` files; others are passed over.
 * Throws `tensor_data` for a folder without samples or a damaged file, `tensor_shape`, `tensor_name` and
 * `tensor_datatype` for samples that do not fit the model, each naming the file; `cancelled`.
 */
export async function readCalibration(folder: string, options: CalibrationOptions): Promise<Calibration> {
  const files = await sampleFiles(folder);
  const samples: Tensor[][] = [];
  let bytes = 0;
  for (const [index, file] of files.entries()) {
    if (options.signal?.aborted) throw new SluiceError('cancelled', 'calibration: cancelled while reading');
    options.onRead?.(index / files.length);
    for (const sample of await readSamples(file, options)) {
      for (const tensor of sample) checkFinite(tensor, file);
      const sampleBytes = sample.reduce((sum, { data }) => sum + data.length, 0);
      const isFull = samples.length === limits.calibrationSamplesMax;
      if (isFull || (samples.length > 0 && bytes + sampleBytes > limits.calibrationBytesMax)) {
        return { samples, skippedFileCount: files.length - index };
      }
      bytes += sampleBytes;
      samples.push(sample);
    }
  }
  return { samples, skippedFileCount: 0 };
}

async function sampleFiles(folder: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true });
  const names = entries
    .filter(
      (entry) =>
        (entry.isFile() || entry.isSymbolicLink()) &&
        Object.hasOwn(readers, extname(entry.name).toLowerCase()),
    )
    .map(({ name }) => name);
  if (names.length === 0) {
    throw new SluiceError(
      'tensor_data',
      `${folder}: no calibration samples; put ${Object.keys(readers).join(', ')} files there, better 32 or more`,
    );
  }
  // By code unit: the same order in every locale, so that the same folder gives the same program.
  return names.sort((first, second) => (first < second ? -1 : 1)).map((name) => join(folder, name));
}

async function readSamples(file: string, options: CalibrationOptions): Promise<Tensor[][]> {
  const { size } = await stat(file);
  if (size > fileBytesMax) {
    throw new SluiceError('limit_exceeded', `${file}: ${size} bytes, at most ${fileBytesMax} in one file`);
  }
  return readers[extname(file).toLowerCase()]?.(await readFile(file), file, options) ?? [];
}

function checkFinite({ name, datatype, data }: Tensor, file: string): void {
  if (datatype !== 'FP32') return;
  const values = new Float32Array(data.buffer, data.byteOffset, data.length / datatypeBytes.FP32);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong === -1) return;
  throw new SluiceError(
    'tensor_data',
    `${file}: input "${name}", value ${wrong}: ${values[wrong]}; finite numbers expected`,
  );
}

/** The input that a file of one tensor feeds. */
function onlyInput(file: string, { inputs }: CalibrationOptions): CalibrationInput {
  const [input, ...others] = inputs;
  if (input !== undefined && others.length === 0) return input;
  throw new SluiceError(
    'tensor_name',
    `${file}: the model has ${inputs.length} inputs, which only a .json file can feed together`,
  );
}

function readRaw(bytes: Uint8Array, file: string, input: CalibrationInput): Tensor {
  const { name, datatype, shape } = input;
  if (datatype !== 'FP32') {
    throw new SluiceError(
      'tensor_datatype',
      `${file}: the input "${name}" is ${datatype}; give .npy or .json`,
    );
  }
  const wanted = elementCount(shape) * datatypeBytes.FP32;
  if (bytes.length !== wanted) {
    throw new SluiceError(
      'tensor_shape',
      `${file}: ${bytes.length} bytes, the input "${name}" of ${describeShape(input)} takes ${wanted}`,
    );
  }
  return { name, datatype, shape: [...shape], data: new Uint8Array(bytes) };
}

/** One item, with or without its batch dimension of 1, or a batch of them. */
function splitArray(bytes: Uint8Array, file: string, input: CalibrationInput): Tensor[][] {
  const array = readNumpy(bytes, file);
  const { name, datatype, shape } = input;
  if (array.datatype !== datatype) {
    throw new SluiceError(
      'tensor_datatype',
      `${file}: ${array.datatype}, the input "${name}" takes ${datatype}`,
    );
  }
  const item = shape[0] === 1 ? shape.slice(1) : shape;
  const isBatch = array.shape.length === item.length + 1 && shape[0] === 1;
  const sizes = isBatch ? array.shape.slice(1) : array.shape;
  if (sizes.length !== item.length || sizes.some((size, axis) => size !== item[axis])) {
    throw new SluiceError(
      'tensor_shape',
      `${file}: [${array.shape}], the input "${name}" takes ${describeShape(input)}`,
    );
  }
  const count = isBatch ? (array.shape[0] ?? 0) : 1;
  if (count === 0) throw new SluiceError('tensor_data', `${file}: [${array.shape}] holds no item`);
  const itemBytes = elementCount(item) * datatypeBytes[datatype];
  return Array.from({ length: count }, (_, index) => [
    {
      name,
      datatype,
      shape: [...shape],
      // A copy, which the slice of a Buffer is not: elements of a tensor are aligned, those in the file need not be.
      data: new Uint8Array(array.data.subarray(index * itemBytes, (index + 1) * itemBytes)),
    },
  ]);
}

function checkedSample(sample: Tensor[], file: string, inputs: readonly CalibrationInput[]): Tensor[] {
  return inputs.map((input) => {
    const { name, datatype, shape } = input;
    const tensor = sample.find((each) => each.name === name);
    if (tensor === undefined) throw new SluiceError('tensor_name', `${file}: the input "${name}" is missing`);
    if (tensor.datatype !== datatype) {
      throw new SluiceError(
        'tensor_datatype',
        `${file}: input "${name}" is ${tensor.datatype}, ${datatype} expected`,
      );
    }
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
      throw new SluiceError(
        'tensor_shape',
        `${file}: input "${name}" has [${tensor.shape}], ${describeShape(input)} expected`,
      );
    }
    return tensor;
  });
}

function readPictureFile(bytes: Uint8Array, file: string, options: CalibrationOptions): Tensor[][] {
  const input = onlyInput(file, options);
  return [
    [pictureTensor(readPicture(bytes, file), { input, normalisation: options.normalisation, what: file })],
  ];
}
