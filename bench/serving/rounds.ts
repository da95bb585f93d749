import { closedLoop, type LoadResult, percentile } from './load/generate.ts';
import type { ServerProcess } from './server-process.ts';

/** A server, and the request that it gets. */
export interface Contender {
  server: ServerProcess;
  request: Uint8Array;
}

/** Medians over rounds. */
export interface Measured {
  requestsPerSecond: number;
  p50Ms: number;
}

const rounds = 5;
const roundMs = 2_000;
const warmUpMs = 4_000;

/** Loads two servers in turn, so that what else the machine does hits both alike. */
export async function compareRounds(
  contenders: readonly [Contender, Contender],
  connections: number,
): Promise<[Measured, Measured]> {
  const results: [LoadResult[], LoadResult[]] = [[], []];
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, { server, request }] of contenders.entries()) {
      const durationMs = round < 0 ? warmUpMs : roundMs;
      const result = await closedLoop({ port: server.port, request, connections, durationMs });
      if (result.refused > 0) throw new Error(`${result.refused} requests refused by contender ${index}`);
      if (round >= 0) results[index as 0 | 1].push(result);
    }
  }
  return [medians(results[0]), medians(results[1])];
}

function medians(results: readonly LoadResult[]): Measured {
  return {
    requestsPerSecond: median(results.map(({ requestsPerSecond }) => requestsPerSecond)),
    p50Ms: median(results.map(({ latenciesMs }) => percentile(latenciesMs, 0.5))),
  };
}

function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((left, right) => left - right),
    0.5,
  );
}
