import { posix } from 'node:path';
import type { Collection } from '../../contract/messages.ts';
import type { Name } from '../../contract/names.ts';

// Names in the folder of collected data, as Azure's data collector has them:
// {endpoint}/{deployment}/{collection}/{yyyy}/{MM}/{dd}/{HH}/{instance}.jsonl

/** One of the processes that share a folder. */
export interface Seat {
  device: Name;
  /** From 0 up. */
  seat: number;
  /** How many there are. */
  seats: number;
}

/** The hour of an instant, UTC, as a path. */
export function hourOf(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(0, 'yyyy-MM-ddTHH'.length).replace(/[-T]/g, '/');
}

/** The folder of what was collected in one hour. */
export function hourFolder(options: {
  endpoint: Name;
  deployment: Name;
  collection: Collection;
  hour: string;
}): string {
  return posix.join(options.endpoint, options.deployment, options.collection, options.hour);
}

/** The hour at the end of such a folder's path; undefined for another folder. */
export function hourOfFolder(folder: string): string | undefined {
  const pattern = /^[^/]+\/[^/]+\/[^/]+\/(\d{4}\/\d\d\/\d\d\/\d\d)$/;
  return pattern.exec(folder)?.[1];
}

/** First part of the names of a process's files. */
export function instanceOf({ device, seat }: Seat): string {
  return seat === 0 ? device : `${device}-${seat}`;
}

/** Whether a file is this process's to count and to remove: each is one's, whatever their number was before. */
export function ownsFile(name: string, { device, seat, seats }: Seat): boolean {
  const [instance = ''] = name.split('.', 1);
  if (instance === device) return seat === 0;
  const number = instance.startsWith(`${device}-`) ? instance.slice(device.length + 1) : '';
  return /^\d{1,4}$/.test(number) && Number(number) % seats === seat;
}
