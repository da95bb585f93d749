import type { CompileReport, EstimateReport, LayerReport, MapReport, NodePlacement } from '../report.ts';

/** `12,345`, the same in every locale of the machine. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `12.3 M`: three digits that matter, with the SI prefix. */
export function scaled(value: number): string {
  const prefixes = ['', ' k', ' M', ' G', ' T'];
  const power = Math.min(prefixes.length - 1, value < 1000 ? 0 : Math.floor(Math.log10(value) / 3 + 1e-9));
  const digits = value / 1000 ** power;
  const text = power === 0 && Number.isInteger(digits) ? String(digits) : digits.toPrecision(3);
  return `${Number(text) >= 1000 ? digits.toFixed(0) : text}${prefixes[power]}`;
}

/** `12.3 KiB`. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ['KiB', 'MiB', 'GiB'];
  const power = Math.min(units.length, Math.floor(Math.log2(value) / 10));
  return `${(value / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

/** `63 %` of a fraction; what is small but not nothing has a decimal. */
export function percent(fraction: number): string {
  const value = fraction * 100;
  return `${value !== 0 && Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
}

/** `99.98 %`: never rounded up to all. */
export function share(part: number, whole: number): string {
  if (part === whole) return '100 %';
  return `${Math.min(99.99, (100 * part) / whole).toFixed(2)} %`;
}

/** A time that may be much less than a millisecond. */
export function milliseconds(value: number): string {
  return `${value < 10 ? value.toPrecision(3) : value.toFixed(1)} ms`;
}

/** What stands beside every time: `estimated, uncalibrated`. */
export function trust({ label, calibrated }: Pick<EstimateReport, 'label' | 'calibrated'>): string {
  return `${label}, ${calibrated === 'none' ? 'uncalibrated' : `calibrated with ${calibrated}`}`;
}

/** Channels, rows and columns: `32x112x112`. */
export function mapSize({ channels, rows, columns }: MapReport): string {
  return `${channels}x${rows}x${columns}`;
}

/** Signal to noise; `exact` where int8 adds none. */
export function decibels(value: number | undefined): string {
  if (value === undefined) return '';
  return value >= 200 ? 'exact' : value.toFixed(1);
}

/** Where nodes run, in the order of the report. */
export const placements = {
  'host-head': 'CPU, before the NPU',
  npu: 'NPU',
  'host-tail': 'CPU, behind the NPU',
  folded: 'folded',
  unused: 'nowhere',
} as const;

/** How many nodes run nowhere, and why; empty when there are none. */
export function nodesLeftOut({ placement }: CompileReport): string[] {
  const countOf = (wanted: NodePlacement['placement']): number =>
    placement.filter((node) => node.placement === wanted).length;
  const [folded, unused] = [countOf('folded'), countOf('unused')];
  return [
    ...(folded === 0 ? [] : [`${folded} nodes give constants of the compiled model`]),
    ...(unused === 0 ? [] : [`${unused} nodes are left out: no output of the model needs them`]),
  ];
}

/** The graph's name, or what stands for a nameless one. */
export function modelName({ model }: CompileReport): string {
  return model.name === '' ? 'unnamed model' : model.name;
}

/** Convolutions of one input channel for each output channel show as such. */
export function kindOf({ kind, window }: LayerReport): string {
  return window === undefined ? kind : `${kind} ${window}`;
}
