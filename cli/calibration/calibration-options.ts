import { statSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { observerNames } from '../../compiler/quantise/method.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import {
  calibrationInputs,
  type DeclaredInput,
  isBound,
  type ShapeOptions,
  shapeOption,
} from './calibration-inputs.ts';
import { readLabels } from './labels.ts';

/** What the options of `addCalibrationOptions` give. */
export interface CalibrationChoices {
  calibration?: string;
  labels?: string;
  mean: number[];
  std: number[];
  shape?: ShapeOptions;
  quantise: string;
}

/** Samples to quantise with, as the compiler takes them. */
export interface GatheredCalibration {
  samples?: Tensor[][];
  labels?: number[];
  /** Files beyond the limits. */
  skippedFileCount: number;
}

/** Adds the options that say how a float model is quantised. */
export function addCalibrationOptions(command: Command): Command {
  return command
    .option(
      '--calibration <folder>',
      'sample inputs to quantise a float model with: .f32, .npy, .json, .png, .jpg; the first 256 by name',
      existingFolder,
    )
    .option('--shape <name=sizes>', 'dimensions of an input that leaves some open (repeatable)', shapeOption)
    .option(
      '--quantise <method>',
      `auto, off, or ${observerNames.join(', ')}, each with +equalise, +bias or both behind it`,
      'auto',
    )
    .addOption(
      new Option('--mean <numbers>', 'pictures: subtracted from pixel / 255, one for each channel or for all')
        .argParser(numbers)
        .default([0], '0'),
    )
    .addOption(
      new Option('--std <numbers>', 'pictures: what is left is divided by it')
        .argParser(divisors)
        .default([1], '1'),
    )
    .option('--labels <file>', 'number of the right class of each sample, one a line: accuracy is measured');
}

/**
 * Reads what the options name, for a model of those inputs. Throws as `calibrationInputs`, `readCalibration` and
 * `readLabels`; `usage` for labels without samples, `tensor_data` for another number of them.
 */
export async function gatherCalibration(
  declared: readonly DeclaredInput[],
  options: { choices: CalibrationChoices; signal?: AbortSignal; onRead?: (fraction: number) => void },
): Promise<GatheredCalibration> {
  const { choices, ...followers } = options;
  const { calibration, labels: labelsFile, mean, std, shape = {} } = choices;
  if (calibration === undefined) {
    if (labelsFile !== undefined) throw new SluiceError('usage', '--labels needs --calibration');
    return { skippedFileCount: 0 };
  }
  const inputs = calibrationInputs(declared, shape);
  // Importing the model says which input is open and what to do.
  if (!isBound(inputs)) return { skippedFileCount: 0 };
  const { readCalibration } = await import('./read-calibration.ts');
  const { samples, skippedFileCount } = await readCalibration(calibration, {
    inputs,
    normalisation: { mean, std },
    ...followers,
  });
  if (labelsFile === undefined) return { samples, skippedFileCount };
  const labels = await readLabels(labelsFile);
  if (labels.length !== samples.length) {
    throw new SluiceError(
      'tensor_data',
      `${labelsFile}: ${labels.length} labels for ${samples.length} samples; one a sample expected`,
    );
  }
  return { samples, labels, skippedFileCount };
}

/** Argument parser: a folder that exists. */
function existingFolder(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new InvalidArgumentError(`There is no folder ${path}.`);
  }
  return path;
}

/** Argument parser: one or three numbers. */
function numbers(text: string): number[] {
  const values = text.split(',').map((value) => (value.trim() === '' ? Number.NaN : Number(value)));
  if (![1, 3].includes(values.length) || !values.every(Number.isFinite)) {
    throw new InvalidArgumentError('Expected one number or three, such as 0.485,0.456,0.406.');
  }
  return values;
}

function divisors(text: string): number[] {
  const values = numbers(text);
  if (values.includes(0)) throw new InvalidArgumentError('Nothing can be divided by 0.');
  return values;
}
