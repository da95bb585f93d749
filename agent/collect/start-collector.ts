import type { Logger } from '../../base/logger.ts';
import type { Name } from '../../contract/names.ts';
import type { CollectionStart } from '../supervise/control-protocol.ts';
import { CollectionDisk } from './collection-disk.ts';
import type { CollectionLimits } from './collection-limits.ts';
import { CollectionWriter } from './collection-writer.ts';
import { DataCollector } from './data-collector.ts';

/** A collector whose folder several processes share evenly. */
export function startCollector(
  { folder: root, device, bytesMax }: CollectionStart,
  options: {
    /** Of this process, from 0 up, and how many there are. */
    seat: number;
    seats: number;
    limits: CollectionLimits;
    endpointOf: (deployment: Name) => Name | undefined;
    random: () => number;
    randomId: () => string;
    nowMs: () => number;
    instantMs: () => number;
    log: Logger;
  },
): DataCollector {
  const { seat, seats, limits, nowMs, randomId, log } = options;
  const place = { device, seat, seats };
  const share = Math.floor(bytesMax / seats);
  const disk = new CollectionDisk({ ...place, root, bytesMax: share, limits, nowMs });
  const writer = new CollectionWriter({ disk, seat: place, root, limits, nowMs, randomId, log });
  writer.start();
  return new DataCollector({ ...options, writer, disk });
}
