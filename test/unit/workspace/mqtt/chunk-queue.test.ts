import { describe, expect, it } from 'vitest';
import type { BlobRequest } from '../../../../contract/messages.ts';
import { ChunkQueue } from '../../../../workspace/mqtt/chunk-queue.ts';

const digestA = `sha256:${'a'.repeat(64)}`;
const digestB = `sha256:${'b'.repeat(64)}`;

function request(stream: number, digest: string, ranges: [number, number][]): BlobRequest {
  return { schemaVersion: 1, stream, digest, ranges };
}

function drain(queue: ChunkQueue): string[] {
  const taken: string[] = [];
  for (let chunk = queue.take(); chunk !== undefined; chunk = queue.take()) {
    taken.push(`${chunk.stream}:${chunk.digest.slice(7, 8)}:${chunk.index}`);
  }
  return taken;
}

describe('a chunk queue', () => {
  it('gives chunks in the order asked for', () => {
    const queue = new ChunkQueue(10);
    expect(
      queue.add(
        request(1, digestA, [
          [4, 2],
          [0, 1],
        ]),
        1 << 20,
      ),
    ).toBe(0);
    expect(drain(queue)).toEqual(['1:a:4', '1:a:5', '1:a:0']);
  });

  it('keeps a chunk once, however often it is asked for', () => {
    const queue = new ChunkQueue(10);
    queue.add(request(1, digestA, [[0, 3]]), 1 << 20);
    queue.add(request(1, digestA, [[1, 3]]), 1 << 20);
    expect(drain(queue)).toEqual(['1:a:0', '1:a:1', '1:a:2', '1:a:3']);
  });

  it('forgets what a stream wanted of another blob, and nothing of other streams', () => {
    const queue = new ChunkQueue(10);
    queue.add(request(1, digestA, [[0, 2]]), 1 << 20);
    queue.add(request(2, digestA, [[0, 1]]), 1 << 20);
    queue.add(request(1, digestB, [[7, 1]]), 1 << 20);
    expect(drain(queue)).toEqual(['2:a:0', '1:b:7']);
  });

  it('leaves out what does not fit, and says how much', () => {
    const queue = new ChunkQueue(3);
    expect(queue.add(request(1, digestA, [[0, 5]]), 1 << 20)).toBe(2);
    expect(queue.length).toBe(3);
    expect(drain(queue)).toEqual(['1:a:0', '1:a:1', '1:a:2']);
    expect(queue.add(request(1, digestA, [[3, 2]]), 1 << 20)).toBe(0);
  });
});
