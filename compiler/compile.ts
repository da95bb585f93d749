import { SluiceError } from '../contract/errors.ts';
import type { NpuBinding } from '../contract/image.ts';
import { type HardwareConfiguration, hardwareConfigurations } from '../contract/npu/hardware.generated.ts';
import { encodeInstructions, type Instruction } from '../contract/npu/instructions.ts';
import { encodeProgram } from '../contract/npu/program.ts';
import { elementCount } from '../contract/tensors.ts';
import { readModel } from './onnx/read-model.ts';
import { allocate } from './passes/allocate.ts';
import { checkTokens } from './passes/check-tokens.ts';
import { emitInstructions, emitWeights } from './passes/emit.ts';
import { extractRegion } from './passes/extract-region.ts';
import { lowerLayer } from './passes/lower.ts';
import { recogniseRegion } from './passes/recognise-region.ts';
import type { QuantisedRegion, RegionBoundary } from './passes/region.ts';
import { planTiles } from './passes/tile.ts';
import { quoted } from './quoted.ts';
import { type CompileReport, reportOn } from './report.ts';

/** What the compiler is busy with, in this order. */
export type CompileStage =
  | 'signature'
  | 'import'
  | 'partition'
  | 'lower'
  | 'schedule'
  | 'emit'
  | 'verify'
  | 'record';

/** What to compile for, and how to follow and stop it. */
export interface CompileOptions {
  /** Name of a hardware configuration. */
  configuration: string;
  signal?: AbortSignal;
  onProgress?: (stage: CompileStage) => void;
}

/** An NPU program and how it ties to the model. */
export interface CompiledModel {
  /** Program file (contract/npu/program.ts) that computes one item. */
  program: Uint8Array;
  inputs: NpuBinding[];
  outputs: NpuBinding[];
  /** The part of the model that the program computes, as an int8 -> int8 ONNX model. */
  canonicalRegion: Uint8Array;
  report: CompileReport;
}

/**
 * Compiles an ONNX model to an NPU program; the same model and configuration give the same bytes.
 * Throws `model_invalid` for a broken file, `model_unsupported` naming the node, operator and reason that
 * this NPU cannot run, `device_unavailable` for an unknown configuration, `cancelled` when aborted.
 */
export async function compileModel(model: Uint8Array, options: CompileOptions): Promise<CompiledModel> {
  const configuration = findConfiguration(options.configuration);
  await enter('import', options);
  const onnx = readModel(model);
  await enter('partition', options);
  const region = recogniseRegion(onnx);
  const canonicalRegion = extractRegion(onnx, region);
  await enter('lower', options);
  const layers = region.layers.map((layer) => lowerLayer(layer, configuration));
  await enter('schedule', options);
  const plan = planTiles(layers, configuration);
  const allocation = allocate(layers, configuration);
  await enter('emit', options);
  const instructions = emitInstructions({ layers, plan, allocation, configuration });
  checkTokens(instructions, configuration);
  const weights = emitWeights({ layers, allocation });
  return {
    program: assemble(region, { configuration, instructions, weights }),
    inputs: [bindingOf(region.input)],
    outputs: [bindingOf(region.output)],
    canonicalRegion,
    report: reportOn(region, { configuration, instructions, weightsBytes: weights.length }),
  };
}

/** Starts a stage; between stages the event loop turns, so that an abort is seen. */
async function enter(stage: CompileStage, { signal, onProgress }: CompileOptions): Promise<void> {
  onProgress?.(stage);
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) throw new SluiceError('cancelled', `compiler: cancelled before the stage ${stage}`);
}

function findConfiguration(name: string): HardwareConfiguration {
  const configuration = Object.hasOwn(hardwareConfigurations, name)
    ? hardwareConfigurations[name]
    : undefined;
  if (configuration !== undefined) return configuration;
  const known = Object.keys(hardwareConfigurations).join(', ');
  throw new SluiceError(
    'device_unavailable',
    `hardware configuration ${quoted(name)}: unknown; there are ${known}`,
  );
}

function assemble(
  region: QuantisedRegion,
  options: {
    configuration: HardwareConfiguration;
    instructions: readonly Instruction[];
    weights: Uint8Array;
  },
): Uint8Array {
  const { configuration, instructions, weights } = options;
  const itemBytes = ({ shape }: RegionBoundary): number =>
    Math.ceil(elementCount(shape.item) / configuration.block) * configuration.block;
  return encodeProgram({
    hardwareHash: configuration.hash,
    instructions: encodeInstructions(instructions),
    weights,
    inputBytes: itemBytes(region.input),
    outputBytes: itemBytes(region.output),
    arenaBytes: 0,
  });
}

function bindingOf({ floatTensor, scale, zeroPoint, shape }: RegionBoundary): NpuBinding {
  return { tensor: floatTensor, scale, zeroPoint, offsetBytes: 0, elementCount: elementCount(shape.item) };
}
