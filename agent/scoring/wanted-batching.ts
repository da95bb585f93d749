import type { RunManifest } from '../../contract/image.ts';
import type { BatchLimits } from '../engines/batch-limits.ts';
import type { ScoringLimits } from '../scoring-limits.ts';

const microsecondsPerMs = 1_000;

/** How an image wants its requests to be merged; undefined when it leaves that to the device. */
export function wantedBatching(
  { routes: { batching } }: RunManifest,
  { batchBytesMax: bytesMax }: ScoringLimits,
): BatchLimits | undefined {
  if (batching === undefined) return undefined;
  const { itemsMax, delayMicroseconds = 0, preferredItems = [] } = batching;
  return {
    itemsMax,
    bytesMax,
    delayMs: delayMicroseconds / microsecondsPerMs,
    preferredItems: preferredItems.filter((items) => items <= itemsMax).sort((left, right) => left - right),
  };
}
