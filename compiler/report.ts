import type { Layer } from './network/network.ts';
import type { QuantiseReport } from './quantise/quantise.ts';

/**
 * What the compiler did with a model: plain data, the same in JSON. Times are those of the timed simulation
 * (docs/reference/npu-performance.md): of one item on the NPU, and never the latency of a request.
 */
export interface CompileReport {
  model: ModelReport;
  configuration: ConfigurationReport;
  /** Every node of the model, in order: where it runs and why. */
  placement: readonly NodePlacement[];
  /** Multiply-accumulates of one item: of the whole model as far as shapes are known, and the NPU's. */
  multiplyAccumulates: { total: number; npu: number };
  quantisation: QuantiseReport;
  /** Layers of the program, in order. */
  layers: readonly LayerReport[];
  /** Layers computed together, tile by tile. */
  groups: readonly GroupReport[];
  estimate: EstimateReport;
  memory: MemoryReport;
  timeline: TimelineReport;
  verification: VerificationReport;
}

/** The model as it was given. */
export interface ModelReport {
  /** The graph's name; may be empty. */
  name: string;
  bytes: number;
  nodeCount: number;
  inputs: readonly TensorReport[];
  outputs: readonly TensorReport[];
}

/** An input or output of the graph, with the dimensions that it was compiled for; -1 where it stays open. */
export interface TensorReport {
  name: string;
  shape: readonly number[];
}

/** What was compiled for. */
export interface ConfigurationReport {
  name: string;
  /** The board's part; `none` for a configuration that is only simulated. */
  part: string;
  clockMhz: number;
  inputParallel: number;
  outputParallel: number;
  pixelParallel: number;
  /** Products of the array in a clock. */
  multipliers: number;
}

/**
 * Where a node runs: `host-head` before the NPU and `host-tail` behind it, both on ONNX Runtime; `folded`:
 * nothing is left of it to compute, its result is a constant of the compiled model; `unused`: it is left
 * out, since no output of the model needs it.
 */
export type Placement = 'npu' | 'host-head' | 'host-tail' | 'folded' | 'unused';

/** A node of the model. */
export interface NodePlacement {
  /** The node's name, or its first output when it has none. */
  node: string;
  operator: string;
  /** Tensors that it reads and gives, constants included: the edges of the graph. */
  inputs: readonly string[];
  outputs: readonly string[];
  placement: Placement;
  /** One clause. */
  reason: string;
  /** For `npu`: index in `layers` of the layer that does its work, where one does. */
  layer?: number;
}

/** Size of an int8 feature map. */
export interface MapReport {
  name: string;
  channels: number;
  rows: number;
  columns: number;
}

/** One layer of the program. */
export interface LayerReport {
  /** Name of the node that it came from. */
  name: string;
  kind: Layer['kind'];
  inputs: readonly MapReport[];
  output: MapReport;
  /** Kernel and stride of convolutions and pools, rows first: '3x3/2x2'. */
  window?: string;
  /** Products that the layer needs, none of idle lanes. */
  multiplyAccumulates: number;
  instructions: number;
  /** Clocks of its EXECUTE instructions. */
  executeCycles: number;
  /** What it adds to the program's cycles: those of all layers sum up to them. */
  cycles: number;
  /** Its first instruction's start and its last one's end; layers overlap. */
  firstCycle: number;
  endCycle: number;
  /** Beats of `inputParallel` bytes from and to off-chip memory. */
  beatsLoaded: number;
  beatsStored: number;
  /** Products needed, of those that the array could do in `cycles`; 0 for layers without any. */
  utilisation: number;
  /** Signal to noise of its output, float against int8, at most 200; absent when nothing was measured. */
  decibels?: number;
}

/** Layers computed together. */
export interface GroupReport {
  /** Names of layers. */
  layers: readonly string[];
  tile: { blocks: number; rows: number; columns: number };
  /** Estimated clocks. */
  cycles: number;
}

/** Totals of one item on the NPU. */
export interface EstimateReport {
  label: 'estimated';
  /** What the estimate was fitted to; 'none' until hardware has been measured. */
  calibrated: string;
  cycles: number;
  milliseconds: number;
  /** Items a second of one NPU. */
  itemsPerSecond: number;
  executeCycles: number;
  /** Products needed, of all that the array could do in `cycles`. */
  utilisation: number;
  /** Off-chip traffic of one item. */
  bytesLoaded: number;
  bytesStored: number;
  /** 10^6 bytes a second of that traffic, and what LOAD and STORE can share. */
  megabytesPerSecond: number;
  megabytesPerSecondMax: number;
  /** For each unit the clocks in which it works, of `cycles`. */
  busyCycles: Readonly<Record<UnitReportName, number>>;
}

/** A unit of the NPU. */
export type UnitReportName = 'LOAD' | 'EXECUTE' | 'STORE';

/** Where things lie. */
export interface MemoryReport {
  programBytes: number;
  instructions: number;
  weightsBytes: number;
  /** Regions of one item, padding lanes included. */
  inputBytes: number;
  outputBytes: number;
  /** Off-chip memory for maps that do not fit on chip. */
  arenaBytes: number;
  /** Lines of activation memory that the configuration has, and bytes of a line. */
  activationLines: number;
  lineBytes: number;
  maps: readonly MapPlacementReport[];
}

/** A map between layers; one that has neither address nor arena offset exists in tiles only. */
export interface MapPlacementReport {
  name: string;
  /** Lines that the whole map needs. */
  lines: number;
  /** First line in activation memory, when it stays there as a whole. */
  address?: number;
  /** First byte in the arena, when it is spilled. */
  arenaOffset?: number;
}

/** What the units do when. */
export interface TimelineReport {
  cycles: number;
  /** By unit, then by start; at most `timelineSpansMax` of each unit. */
  spans: readonly TimelineSpan[];
}

/** Consecutive instructions of one unit. */
export interface TimelineSpan {
  unit: UnitReportName;
  /** Index in `layers` of the layer that takes most of it. */
  layer: number;
  firstCycle: number;
  endCycle: number;
  /** Sum of its instructions' cycles. */
  busyCycles: number;
  instructions: number;
}

/** What was compared before the model was handed over. */
export interface VerificationReport {
  /** Items through the program on the simulator and its layers on ONNX Runtime; all were equal byte for byte. */
  programItems: number;
  /** Samples through head, program and tail and through the canonical model as a whole, likewise. */
  modelItems: number;
}

/** Spans of a unit in a report; longer programs join neighbours. */
export const timelineSpansMax = 2048;
