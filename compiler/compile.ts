import { SluiceError } from '../contract/errors.ts';
import type { NpuBinding } from '../contract/image.ts';
import { type HardwareConfiguration, hardwareConfigurations } from '../contract/npu/hardware.generated.ts';
import { elementCount } from '../contract/tensors.ts';
import { lowerNetwork } from './backend/lower.ts';
import { scheduleNetwork } from './backend/schedule.ts';
import { assembleNetwork, type RegionTensor } from './network/compile-network.ts';
import { readModel } from './onnx/read-model.ts';
import { extractRegion } from './passes/extract-region.ts';
import { recogniseRegion } from './passes/recognise-region.ts';
import type { RegionBoundary } from './passes/region.ts';
import { networkOfRegion } from './passes/region-network.ts';
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
  const network = networkOfRegion(region);
  const lowered = lowerNetwork(network, configuration);
  await enter('schedule', options);
  const schedule = scheduleNetwork(lowered);
  await enter('emit', options);
  const compiled = assembleNetwork(network, { lowered, schedule });
  return {
    program: compiled.program,
    inputs: compiled.inputs.map((tensor) => bindingOf(region.input, tensor)),
    outputs: compiled.outputs.map((tensor) => bindingOf(region.output, tensor)),
    canonicalRegion,
    report: reportOn(region, { configuration, compiled }),
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

function bindingOf(boundary: RegionBoundary, { offsetBytes }: RegionTensor): NpuBinding {
  const { floatTensor, scale, zeroPoint, shape } = boundary;
  return { tensor: floatTensor, scale, zeroPoint, offsetBytes, elementCount: elementCount(shape.item) };
}
