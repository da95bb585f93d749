import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { transferFields } from '../../contract/npu/instructions.generated.ts';
import type { FeatureMap, Network } from '../network/network.ts';
import { fieldMax } from './lower-window.ts';
import { type BlockedMap, type View, wholeOf } from './operations.ts';

/**
 * Which blocks of which map hold each feature map of a network. A slice, or an input of a concat, can be
 * a view of a larger map; inputs and outputs of the network are maps of their own.
 */
export class MapTable {
  readonly #configuration: HardwareConfiguration;
  readonly #views = new Map<string, View>();
  readonly #shapes = new Map<string, FeatureMap>();
  readonly #computed = new Set<string>();
  readonly #network: Network;

  constructor(network: Network, configuration: HardwareConfiguration) {
    this.#configuration = configuration;
    this.#network = network;
  }

  /** The view of a feature map that something computed before. Throws `model_invalid` for any other. */
  read(map: FeatureMap): View {
    const view = this.#views.get(map.name);
    if (view === undefined || !this.#computed.has(map.name))
      throw invalid(map, 'no layer before computes it');
    this.#checkShape(map);
    return view;
  }

  /** Makes a feature map a view of a larger one, before a layer computes it. */
  place(map: FeatureMap, view: View): void {
    this.#views.set(map.name, view);
    this.#shapes.set(map.name, map);
  }

  /** Makes a feature map a view of what is there already: an input, or a part of a map. */
  define(map: FeatureMap, view: View): void {
    this.#markComputed(map);
    this.place(map, view);
  }

  /** A map of its own for a feature map that a layer is about to write, or the view placed before. */
  write(map: FeatureMap): View {
    this.#markComputed(map);
    const placed = this.#views.get(map.name);
    if (placed !== undefined) {
      this.#checkShape(map);
      return placed;
    }
    const isOutput = this.#network.outputs.some(({ name }) => name === map.name);
    const view = wholeOf(this.create(map, isOutput ? 'OUTPUT' : undefined));
    this.place(map, view);
    return view;
  }

  /** Whether a feature map may become a view: it is neither input nor output of the network, nor one yet. */
  isFree(map: FeatureMap): boolean {
    const { inputs, outputs } = this.#network;
    const isBoundary = [...inputs, ...outputs].some(({ name }) => name === map.name);
    return !isBoundary && !this.#views.has(map.name);
  }

  /** A map in blocks. Throws `model_unsupported` when a transfer cannot name its sizes. */
  create(map: FeatureMap, boundary?: 'INPUT' | 'OUTPUT'): BlockedMap {
    const { name, channels, rows, columns } = map;
    if (![channels, rows, columns].every((size) => Number.isInteger(size) && size >= 1)) {
      throw invalid(map, `has the shape ${channels} x ${rows} x ${columns}`);
    }
    const blocks = Math.ceil(channels / this.#configuration.inputParallel);
    const limits = {
      blocks: fieldMax(transferFields, 'blocks'),
      rows: fieldMax(transferFields, 'rows'),
      columns: fieldMax(transferFields, 'columns'),
    };
    const shape = `${blocks} blocks x ${rows} rows x ${columns} columns`;
    if (
      blocks > limits.blocks ||
      rows > limits.rows ||
      columns > limits.columns ||
      rows * columns > fieldMax(transferFields, 'dramBlockPitch')
    ) {
      const most = `${limits.blocks} x ${limits.rows} x ${limits.columns}`;
      throw new SluiceError('model_unsupported', `tensor ${quoted(name)}: ${shape}; this NPU takes ${most}`);
    }
    return { name, channels, blocks, rows, columns, ...(boundary === undefined ? {} : { boundary }) };
  }

  #markComputed(map: FeatureMap): void {
    if (this.#computed.has(map.name)) throw invalid(map, 'is computed twice');
    this.#computed.add(map.name);
  }

  #checkShape(map: FeatureMap): void {
    const known = this.#shapes.get(map.name);
    if (known?.channels === map.channels && known.rows === map.rows && known.columns === map.columns) return;
    throw invalid(map, 'has two shapes');
  }
}

function invalid(map: FeatureMap, reason: string): SluiceError {
  return new SluiceError('model_invalid', `tensor ${quoted(map.name)}: ${reason}`);
}
