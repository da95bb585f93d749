import { releaseMemory } from '../native/release-memory.ts';

// Tensors of megabytes come and go with each request. What they lie in is given back when the request is over, not
// when V8 collects it: it answers every 32 MB of such memory with a collection of its whole heap.

const runs = new WeakMap<ArrayBufferLike, number>();
/** By the very array: a view of it, as a part of a merged run's output is, frees nothing. */
const endings = new WeakMap<Uint8Array, () => void>();

/** Marks memory that another thread reads until the work is over; the same memory may be marked more than once. */
export async function whileInUse<Result>(
  views: readonly Uint8Array[],
  work: () => Promise<Result>,
): Promise<Result> {
  for (const { buffer } of views) runs.set(buffer, (runs.get(buffer) ?? 0) + 1);
  try {
    return await work();
  } finally {
    for (const { buffer } of views) {
      const left = (runs.get(buffer) ?? 1) - 1;
      if (left === 0) runs.delete(buffer);
      else runs.set(buffer, left);
    }
  }
}

/** Whether another thread reads it, so that it must neither change nor be freed. */
export function isInUse({ buffer }: Uint8Array): boolean {
  return runs.has(buffer);
}

/** Less is left to the collector. */
const ownedBytesMin = 16 * 1024;

/** Says what becomes of an array that belongs to one request: its memory is freed, unless told otherwise. */
export function ownedByRequest(data: Uint8Array, free = () => releaseMemory(data)): Uint8Array {
  if (data.length >= ownedBytesMin) endings.set(data, free);
  return data;
}

/**
 * The request is over: nobody looks at the array any more, except a run whose result nobody waits for, which keeps it.
 * Does nothing for an array that belongs to no request, or is freed already.
 */
export function freeMemory(data: Uint8Array): void {
  const free = endings.get(data);
  if (free === undefined || isInUse(data)) return;
  endings.delete(data);
  free();
}
