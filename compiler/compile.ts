import { quoted } from '../base/quoted.ts';
import { SluiceError } from '../contract/errors.ts';
import type { NpuBinding } from '../contract/image.ts';
import { type HardwareConfiguration, hardwareConfigurations } from '../contract/npu/hardware.generated.ts';
import type { Tensor } from '../contract/tensors.ts';
import { checkedSamples } from './checked-samples.ts';
import { refusalOf } from './configuration-refusal.ts';
import type { InputShapes } from './import/bind-shapes.ts';
import { importModel } from './import/import-model.ts';
import { type Partition, partition } from './import/partition.ts';
import { bindingsOf, filesOf, type ModelFiles, openParts, partsOf } from './model-parts.ts';
import { compileNetwork } from './network/compile-network.ts';
import { readModel } from './onnx/read-model.ts';
import { leavesBatchOpen } from './open-batch.ts';
import { type CompileProgress, ProgressTeller } from './progress.ts';
import type { QuantiseChoice } from './quantise/method.ts';
import type { Repeatable } from './quantise/samples.ts';
import { quantiseRegion } from './quantise-region.ts';
import type { CompileReport } from './report.ts';
import { reportOn } from './report-on.ts';
import { verifyProgram } from './verify.ts';
import { verifyModel } from './verify-model.ts';

/** What to compile for, with what data, and how to follow and stop it. */
export interface CompileOptions {
  /** Name of a hardware configuration. */
  configuration: string;
  /** Dimensions of inputs that the model leaves open, by name. */
  shapes?: InputShapes;
  /** Inputs of the model, one item each: a float model's scales come from them, and proofs use them. */
  calibration?: Repeatable<readonly Tensor[]>;
  /** The right class of each sample, in order. */
  labels?: readonly number[];
  /** How a float model is quantised; `auto` without. */
  quantise?: QuantiseChoice;
  signal?: AbortSignal;
  onProgress?: (progress: CompileProgress) => void;
}

/** An NPU program and how it ties to the model. */
export interface CompiledModel extends ModelFiles {
  /** Program file (contract/npu/program.ts) that computes one item. */
  program: Uint8Array;
  inputs: NpuBinding[];
  outputs: NpuBinding[];
  report: CompileReport;
}

/**
 * Compiles an ONNX model, float or quantised, and proves that program and canonical model agree; the same
 * model, data and options give the same bytes. Blocks the thread: use it in a worker. Throws `model_invalid`
 * for a broken file, `model_unsupported` naming node and reason for what cannot run on the NPU or for open
 * dimensions, `tensor_*` for calibration data that is missing or does not fit, `device_unavailable` for an
 * unknown configuration, `verification_failed` naming the first layer that differs, `cancelled`.
 */
export async function compileModel(model: Uint8Array, options: CompileOptions): Promise<CompiledModel> {
  try {
    return await compile(model, options);
  } catch (thrown) {
    if (!(thrown instanceof SluiceError) || thrown.code !== 'engine_failed') throw thrown;
    // Inputs are checked before they are run, so it is the model that does not hold together.
    throw new SluiceError('model_invalid', thrown.message, { cause: thrown });
  }
}

async function compile(model: Uint8Array, options: CompileOptions): Promise<CompiledModel> {
  const configuration = findConfiguration(options.configuration);
  const progress = new ProgressTeller(options);
  await progress.enter('import');
  const { shapes = {} } = options;
  const original = readModel(model);
  const imported = await importModel(model, { shapes });
  await progress.enter('partition');
  const refuses = refusalOf(configuration);
  const divide = (left: ReadonlyMap<string, string>): Partition =>
    partition(imported, { refuses: (operation) => left.get(operation.name) ?? refuses(operation) });
  await progress.enter('quantise');
  const calibration =
    options.calibration === undefined
      ? {}
      : { samples: checkedSamples(options.calibration, imported.model.graph.inputs) };
  const quantised = await quantiseRegion(divide, {
    ...options,
    ...calibration,
    ...counted(options.calibration),
    progress,
  });
  await progress.enter('schedule');
  const compiled = compileNetwork(quantised.network, configuration);
  await progress.enter('write');
  const closed = partsOf(imported, quantised);
  const canOpen = leavesBatchOpen(original, shapes);
  const variants = canOpen ? [openParts(closed, imported.facts), closed] : [closed];
  const bindings = {
    inputs: bindingsOf(closed.inputs, compiled.inputs),
    outputs: bindingsOf(closed.outputs, compiled.outputs),
  };
  await progress.enter('verify');
  const proof = await verifyProgram(compiled, { ...quantised, configuration, ...progress.signalled });
  const { files, itemCount } = await verifyModel(variants.map(filesOf), {
    compiled,
    configuration,
    bindings,
    inputs: imported.model.graph.inputs,
    ...calibration,
    ...progress.signalled,
  });
  await progress.enter('estimate');
  const verification = { programItems: proof.itemCount, modelItems: itemCount };
  const report = await reportOn({
    bytes: model.length,
    original,
    imported,
    configuration,
    compiled,
    quantised,
    signature: files.signature,
    verification,
  });
  return { program: compiled.program, ...bindings, ...files, report };
}

/** How many samples there are, where that can be told without going through them. */
function counted(samples: CompileOptions['calibration']): { sampleCount?: number } {
  return Array.isArray(samples) ? { sampleCount: samples.length } : {};
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
