import type { HardwareConfiguration } from '../contract/npu/hardware.generated.ts';
import { decodeProgramHeader } from '../contract/npu/program.ts';
import type { TensorSignature } from '../contract/tensors.ts';
import { estimateProgram, type ProgramEstimate } from '../native/npu-timing.ts';
import type { ImportedModel } from './import/import-model.ts';
import type { CompiledNetwork } from './network/compile-network.ts';
import { mapsReadBy } from './network/maps-read.ts';
import type { FeatureMap, Layer } from './network/network.ts';
import type { OnnxModel } from './onnx/model.ts';
import { placementOf } from './placement.ts';
import type { RegionQuantisation } from './quantise-region.ts';
import type {
  CompileReport,
  EstimateReport,
  LayerReport,
  MapReport,
  MemoryReport,
  VerificationReport,
} from './report.ts';
import { timelineSpans } from './timeline-spans.ts';

/** What a report is made of. */
export interface ReportSources {
  /** Size of the model's file. */
  bytes: number;
  original: OnnxModel;
  imported: ImportedModel;
  configuration: HardwareConfiguration;
  compiled: CompiledNetwork;
  quantised: RegionQuantisation;
  signature: TensorSignature;
  verification: VerificationReport;
}

/** Describes a compiled model, its times by the timed simulation. */
export async function reportOn(sources: ReportSources): Promise<CompileReport> {
  const { bytes, original, imported, configuration, compiled, quantised, signature, verification } = sources;
  const { partition, network, report: quantisation } = quantised;
  const estimate = await estimateProgram(compiled.program, { configuration });
  const { inputParallel, outputParallel, pixelParallel, name, clockMhz, board } = configuration;
  const tensors = (list: TensorSignature['inputs']) =>
    list.map((each) => ({ name: each.name, shape: each.shape }));
  return {
    model: {
      name: original.graph.name,
      bytes,
      nodeCount: original.graph.nodes.length,
      inputs: tensors(signature.inputs),
      outputs: tensors(signature.outputs),
    },
    configuration: {
      name,
      part: board.part,
      clockMhz,
      inputParallel,
      outputParallel,
      pixelParallel,
      multipliers: multipliersOf(configuration),
    },
    placement: placementOf(original, { imported, partition, network }),
    multiplyAccumulates: partition.multiplyAccumulates,
    quantisation,
    layers: network.layers.map((layer, index) => layerReport(layer, { index, sources, estimate })),
    groups: compiled.groups.map(({ layers, tile, clocks }) => ({ layers, tile, cycles: clocks })),
    estimate: estimateReport(estimate, sources),
    memory: memoryReport(sources),
    timeline: { cycles: estimate.cycles, spans: timelineSpans(estimate.events) },
    verification,
  };
}

function multipliersOf({ inputParallel, outputParallel, pixelParallel }: HardwareConfiguration): number {
  return inputParallel * outputParallel * pixelParallel;
}

function layerReport(
  layer: Layer,
  options: { index: number; sources: ReportSources; estimate: ProgramEstimate },
): LayerReport {
  const { index, sources, estimate } = options;
  const { compiled, configuration, quantised } = sources;
  const cost = compiled.layers[index];
  if (cost === undefined) throw new TypeError(`layer ${layer.name} has no cost`);
  const { instructions, beatsLoaded, beatsStored, multiplyAccumulates, executeClocks } = cost;
  const time = estimate.layers.find((each) => each.layer === index);
  const cycles = time?.cycles ?? 0;
  const noise = quantised.report.layers.find(({ map }) => map === layer.output.name);
  const window = windowOf(layer);
  return {
    name: layer.name,
    kind: layer.kind,
    inputs: mapsReadBy(layer).map(mapReport),
    output: mapReport(layer.output),
    ...(window === undefined ? {} : { window }),
    multiplyAccumulates,
    instructions,
    executeCycles: executeClocks,
    cycles,
    firstCycle: time?.firstCycle ?? 0,
    endCycle: time?.endCycle ?? 0,
    beatsLoaded,
    beatsStored,
    utilisation: cycles === 0 ? 0 : multiplyAccumulates / (cycles * multipliersOf(configuration)),
    ...(noise === undefined ? {} : { decibels: noise.decibels }),
  };
}

function mapReport({ name, channels, rows, columns }: FeatureMap): MapReport {
  return { name, channels, rows, columns };
}

function windowOf(layer: Layer): string | undefined {
  if (layer.kind !== 'convolution' && layer.kind !== 'maximum-pool') return undefined;
  const { kernelRows, kernelColumns, strideRows, strideColumns } = layer.window;
  return `${kernelRows}x${kernelColumns}/${strideRows}x${strideColumns}`;
}

function estimateReport(
  estimate: ProgramEstimate,
  { compiled, configuration }: ReportSources,
): EstimateReport {
  const { label, calibrated, cycles, milliseconds, executeCycles, bytesLoaded, bytesStored, units } =
    estimate;
  const products = compiled.layers.reduce((sum, layer) => sum + layer.multiplyAccumulates, 0);
  return {
    label,
    calibrated,
    cycles,
    milliseconds,
    itemsPerSecond: 1000 / milliseconds,
    executeCycles,
    utilisation: products / (cycles * multipliersOf(configuration)),
    bytesLoaded,
    bytesStored,
    megabytesPerSecond: (bytesLoaded + bytesStored) / (milliseconds * 1000),
    megabytesPerSecondMax: configuration.timing.memoryMegabytesPerSecond,
    busyCycles: { LOAD: units.LOAD.busy, EXECUTE: units.EXECUTE.busy, STORE: units.STORE.busy },
  };
}

function memoryReport({ compiled, configuration }: ReportSources): MemoryReport {
  const { inputBytes, outputBytes } = decodeProgramHeader(compiled.program);
  const { weightsBytes, arenaBytes, maps } = compiled.memory;
  return {
    programBytes: compiled.program.length,
    instructions: compiled.instructionCount,
    weightsBytes,
    inputBytes,
    outputBytes,
    arenaBytes,
    activationLines: configuration.activationLines,
    lineBytes: configuration.pixelParallel * configuration.inputParallel,
    maps,
  };
}
