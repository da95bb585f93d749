import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { DataCollector } from '../../../../agent/collect/data-collector.ts';
import { startCollector } from '../../../../agent/collect/start-collector.ts';
import { scoringLimits } from '../../../../agent/scoring-limits.ts';
import type { DataCollection } from '../../../../contract/messages.ts';
import { filesBelow, linesBelow } from '../../../support/collected.ts';
import { temporaryFolder } from '../../../support/paths.ts';

const everything: DataCollection = {
  collections: ['request', 'response', 'inputs', 'outputs'],
  samplingRate: 1,
};
const instantMs = Date.UTC(2026, 4, 6, 7, 59, 59, 900);

/** A collector with clocks, dice and names that the test chooses. */
function collect(
  options: { folder?: string; limits?: Partial<typeof scoringLimits.collection>; bytesMax?: number } = {},
) {
  const folder = options.folder ?? join(temporaryFolder(), 'collected');
  const state = { nowMs: 0, instantMs, dice: [] as number[], ids: 0, log: [] as string[] };
  const log = pino({ level: 'warn' }, { write: (line: string) => void state.log.push(line) });
  const collector = startCollector(
    { folder, device: 'edge', bytesMax: options.bytesMax ?? 1 << 20 },
    {
      ...{ seat: 0, seats: 1, log },
      limits: { ...scoringLimits.collection, flushIntervalMs: 1, freeBytesMin: 0, ...options.limits },
      endpointOf: (deployment) => (deployment === 'blue' ? 'shop' : undefined),
      random: () => state.dice.shift() ?? 0.5,
      randomId: () => `id-${state.ids++}`,
      nowMs: () => state.nowMs,
      instantMs: () => state.instantMs,
    },
  );
  return { collector, folder, state };
}

function begin(collector: DataCollector, deployment = 'blue', requestId?: string) {
  return collector.begin({ deployment, version: 2, requestId });
}

function send(collector: DataCollector, text: string): void {
  const payload = { bytes: Buffer.from(text), contentType: undefined };
  begin(collector)?.payload('request', payload, { attributes: { method: 'POST' } });
}

describe('a data collector', () => {
  it('decides once a request, by its rate', () => {
    const { collector, state } = collect();
    const decided = (samplingRate: number): boolean[] => {
      collector.configure({ blue: { ...everything, samplingRate } });
      state.dice = [0, 0.1, 0.999_999];
      return [0, 1, 2].map(() => begin(collector) !== undefined);
    };
    expect(decided(0)).toEqual([false, false, false]);
    expect(decided(0.1)).toEqual([true, false, false]);
    expect(decided(1)).toEqual([true, true, true]);
    expect(begin(collector, 'green')).toBeUndefined();
    collector.configure({});
    expect(begin(collector)).toBeUndefined();
  });

  it('keeps what belongs together under one id, at its hour, without touching what is given away', async () => {
    const { collector, folder } = collect();
    collector.configure({ blue: everything, green: { collections: ['response'], samplingRate: 1 } });
    const capture = begin(collector, 'blue', 'client');
    const data = new Uint8Array(Int32Array.of(7).buffer);
    capture?.tensors('inputs', [{ name: 'in', datatype: 'INT32', shape: [1], data }]);
    data.fill(0);
    capture?.payload(
      'request',
      { bytes: Buffer.from('[1]'), contentType: undefined },
      { attributes: { method: 'POST', path: '/score' }, agoMs: 1 },
    );
    const alone = begin(collector, 'green');
    const answer = { bytes: Buffer.from('[2]'), contentType: undefined };
    alone?.payload('request', answer, { attributes: {} });
    alone?.payload('response', answer, { attributes: { statuscode: '200' } });
    await collector.stop();
    expect(filesBelow(folder)).toEqual([
      'green/green/response/2026/05/06/07/edge.jsonl',
      'shop/blue/inputs/2026/05/06/07/edge.jsonl',
      'shop/blue/request/2026/05/06/07/edge.jsonl',
    ]);
    const [response, inputs, request] = linesBelow(folder);
    expect(response).toMatchObject({ data: [2], statuscode: '200', xrequestid: response?.correlationid });
    expect(inputs).toMatchObject({ data: { in: { data: [7] } }, xrequestid: 'client', modelversion: '2' });
    expect(request).toMatchObject({ path: '/score', time: '2026-05-06T07:59:59.899Z' });
    expect(request?.correlationid).toBe(inputs?.correlationid);
    expect(response?.correlationid).not.toBe(inputs?.correlationid);
    expect(collector.state.written).toEqual({ request: 1, response: 1, inputs: 1, outputs: 0 });
    expect(collector.state.diskBytes).toBe(3 * 4096);
    // What comes after the end is counted as dropped.
    send(collector, '[]');
    expect(collector.state.dropped.memory).toBe(1);
  });

  it('drops what finds no room in memory, and takes more once that is written', async () => {
    const { collector, folder } = collect({ limits: { waitingBytesMax: 4 * 1024 } });
    collector.configure({ blue: everything });
    for (let count = 0; count < 5; count += 1) send(collector, '"12345678"');
    send(collector, JSON.stringify('x'.repeat(8_000)));
    expect(collector.state.dropped.memory).toBe(3);
    await expect.poll(() => collector.state.written.request).toBe(3);
    send(collector, '[1]');
    await collector.stop();
    expect(linesBelow(folder)).toHaveLength(4);
  });

  it('writes before its interval is over when memory runs short', async () => {
    const { collector } = collect({ limits: { waitingBytesMax: 4 * 1024, flushIntervalMs: 3_600_000 } });
    collector.configure({ blue: everything });
    send(collector, '[1]');
    await sleep(20);
    expect(collector.state.written.request).toBe(0);
    send(collector, '[2]');
    await expect.poll(() => collector.state.written.request).toBe(2);
  });

  it('drops what the ring has no room for, and goes on with the next hour', async () => {
    const { collector, folder, state } = collect({ bytesMax: 4096 });
    collector.configure({ blue: everything });
    send(collector, '[1]');
    await expect.poll(() => collector.state.written.request).toBe(1);
    send(collector, JSON.stringify('x'.repeat(4096)));
    await expect.poll(() => collector.state.dropped.disk_full).toBe(1);
    state.instantMs += 1_000;
    send(collector, '[2]');
    await collector.stop();
    expect(filesBelow(folder)).toEqual(['shop/blue/request/2026/05/06/08/edge.jsonl']);
    expect(collector.state).toMatchObject({ diskBytes: 4096, removedBytes: 4096 });
  });

  it('counts what cannot be written, and says so once a minute', async () => {
    const folder = join(temporaryFolder(), 'collected');
    await writeFile(folder, 'a file where the folder should be');
    const { collector, state } = collect({ folder });
    collector.configure({ blue: everything });
    for (const dropped of [1, 2]) {
      send(collector, '[1]');
      await expect.poll(() => collector.state.dropped.write_failed).toBe(dropped);
    }
    expect(state.log).toHaveLength(1);
    state.nowMs = 60_000;
    send(collector, '[1]');
    await collector.stop();
    expect(state.log).toHaveLength(2);
    expect(JSON.parse(state.log[1] ?? '')).toMatchObject({ dropped: { write_failed: 3 } });
  });
});
