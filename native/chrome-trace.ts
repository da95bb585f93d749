import { unitCodes } from '../contract/npu/instructions.generated.ts';
import type { ProgramEstimate } from './npu-timing.ts';

/**
 * The timeline of an estimate as a file in Chrome's Trace Event Format (JSON object form), line by line, for
 * chrome://tracing and Perfetto: one track a unit, a complete event an instruction, times in microseconds.
 * `layerNames` has a layer's name at its number. Join the lines with line feeds.
 */
export function* chromeTrace(
  estimate: ProgramEstimate,
  options: { clockMhz: number; layerNames?: readonly string[] },
): Generator<string> {
  const { label, calibrated, configuration, cycles } = estimate;
  yield `{"displayTimeUnit":"ns","otherData":${JSON.stringify({ label, calibrated, configuration, cycles })},"traceEvents":[`;
  const process = { name: `${configuration} (${label}, calibrated: ${calibrated})` };
  yield JSON.stringify({ ph: 'M', name: 'process_name', pid: 0, args: process });
  for (const [name, tid] of Object.entries(unitCodes)) {
    yield `,${JSON.stringify({ ph: 'M', name: 'thread_name', pid: 0, tid, args: { name } })}`;
    yield `,${JSON.stringify({ ph: 'M', name: 'thread_sort_index', pid: 0, tid, args: { sort_index: tid } })}`;
  }
  for (const { instruction, operation, layer, unit, firstCycle, endCycle } of estimate.events) {
    const layerName = options.layerNames?.[layer] ?? `layer ${layer}`;
    yield `,${JSON.stringify({
      ph: 'X',
      name: `${operation} ${layerName}`,
      cat: operation,
      pid: 0,
      tid: unitCodes[unit],
      ts: firstCycle / options.clockMhz,
      dur: (endCycle - firstCycle) / options.clockMhz,
      args: { instruction, layer, firstCycle, endCycle },
    })}`;
  }
  yield ']}';
}
