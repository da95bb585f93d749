import type { TimelineEvent, UnitName } from '../native/npu-timing.ts';
import { type TimelineSpan, timelineSpansMax } from './report.ts';

/**
 * The events of a program by unit and start, consecutive ones of a layer joined; a unit that has still too
 * many joins as many neighbours as it takes to stay within `timelineSpansMax`.
 */
export function timelineSpans(events: Iterable<TimelineEvent>): TimelineSpan[] {
  const units: Record<UnitName, TimelineSpan[]> = { LOAD: [], EXECUTE: [], STORE: [] };
  for (const { unit, layer, firstCycle, endCycle } of events) {
    const spans = units[unit];
    const last = spans.at(-1);
    const span = { unit, layer, firstCycle, endCycle, busyCycles: endCycle - firstCycle, instructions: 1 };
    if (last?.layer === layer) spans[spans.length - 1] = join([last, span]);
    else spans.push(span);
  }
  return Object.values(units).flatMap((spans) => {
    const count = Math.ceil(spans.length / timelineSpansMax);
    if (count <= 1) return spans;
    return Array.from({ length: Math.ceil(spans.length / count) }, (_, index) =>
      join(spans.slice(index * count, (index + 1) * count)),
    );
  });
}

/** One span for several in order; its layer is that of the busiest. */
function join(spans: readonly TimelineSpan[]): TimelineSpan {
  const [first] = spans;
  if (first === undefined) throw new TypeError('no spans');
  const busiest = spans.reduce((most, span) => (span.busyCycles > most.busyCycles ? span : most));
  return {
    unit: first.unit,
    layer: busiest.layer,
    firstCycle: first.firstCycle,
    endCycle: Math.max(...spans.map(({ endCycle }) => endCycle)),
    busyCycles: spans.reduce((sum, span) => sum + span.busyCycles, 0),
    instructions: spans.reduce((sum, span) => sum + span.instructions, 0),
  };
}
