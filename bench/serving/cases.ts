import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { RunManifest } from '../../contract/image.ts';
import { seededRandom } from '../networks/seeded-random.ts';
import type { Claim } from './claim.ts';
import { closedLoop, percentile, poisson } from './load/generate.ts';
import { deepModel, meansModel, pictureElements, pictureModel, wideModel } from './models.ts';
import { binaryRequest, jsonRequest, pixels, rawRequest, scoreRequest } from './requests.ts';
import { compareRounds } from './rounds.ts';
import type { ServerProcess } from './server-process.ts';
import type { Stand } from './stand.ts';

const samplePath = fileURLToPath(new URL('../../../samples/fashion/model.onnx', import.meta.url));
const sampleElements = 784;
const pictureShape = [1, 3, 224, 224];
const fastifyJson = 'a Fastify handler with its own JSON, the session on the event loop';
const rawHttp = 'node:http with the session on the event loop';

/** A picture in JSON, and what little the model makes of it. */
export async function jsonIn(stand: Stand): Promise<Claim[]> {
  const name = 'JSON infer, 1x3x224x224 floats in, 3 out';
  return [await pictureInJson(stand, { name, model: meansModel(), request: pictureRequest() })];
}

/** A picture in JSON both ways. */
export async function jsonInAndOut(stand: Stand): Promise<Claim[]> {
  const name = 'JSON infer, 150,528 floats in and out';
  return [await pictureInJson(stand, { name, model: pictureModel(), request: pictureRequest() })];
}

function pictureRequest(): Uint8Array {
  return jsonRequest(pixels(pictureElements), pictureShape);
}

async function pictureInJson(
  stand: Stand,
  { name, model, request }: { name: string; model: Uint8Array; request: Uint8Array },
): Promise<Claim> {
  const [sluice, fastify] = await compareRounds(
    [
      { server: await stand.sluice(model), request },
      { server: await stand.peer('fastify-json', model), request },
    ],
    4,
  );
  return {
    name,
    against: fastifyJson,
    measured: sluice.requestsPerSecond / fastify.requestsPerSecond,
    unit: 'x requests/s',
    target: 5,
    wants: 'at least',
    details: { 'Sluice/s': sluice.requestsPerSecond, 'Fastify/s': fastify.requestsPerSecond },
  };
}

/** A picture in JSON both ways, nested, as `/score` has it. */
export async function scoreInAndOut(stand: Stand): Promise<Claim[]> {
  const name = '/score, 150,528 floats in and out';
  const request = scoreRequest(pixels(pictureElements), pictureShape);
  return [await pictureInJson(stand, { name, model: pictureModel(), request })];
}

/** A picture as bytes both ways. */
export async function binary(stand: Stand): Promise<Claim[]> {
  const model = pictureModel();
  const values = pixels(pictureElements);
  const [sluice, raw] = await compareRounds(
    [
      { server: await stand.sluice(model), request: binaryRequest(values, pictureShape) },
      { server: await stand.peer('raw-http', model), request: rawRequest(values, pictureShape) },
    ],
    4,
  );
  return [
    {
      name: 'binary infer, 150,528 floats in and out',
      against: `${rawHttp}, bytes in and out`,
      measured: sluice.requestsPerSecond / raw.requestsPerSecond,
      unit: 'x requests/s',
      target: 0.8,
      wants: 'at least',
      details: { 'Sluice/s': sluice.requestsPerSecond, 'raw/s': raw.requestsPerSecond },
    },
  ];
}

/** The sample's small model, where all is overhead. */
export async function smallModel(stand: Stand): Promise<Claim[]> {
  const model = await readFile(samplePath);
  const request = jsonRequest(pixels(sampleElements), [1, sampleElements]);
  const contenders = [
    { server: await stand.sluice(model), request },
    { server: await stand.peer('raw-http', model), request },
  ] as const;
  const claims: Claim[] = [];
  for (const connections of [1, 32]) {
    const [sluice, raw] = await compareRounds(contenders, connections);
    const name = `fashion MLP, JSON, ${connections} connection${connections === 1 ? '' : 's'}`;
    claims.push(
      {
        name,
        against: rawHttp,
        measured: sluice.p50Ms / raw.p50Ms,
        unit: 'x p50',
        target: 1.3,
        wants: 'at most',
        details: { 'Sluice ms': sluice.p50Ms, 'raw ms': raw.p50Ms },
      },
      {
        name,
        against: rawHttp,
        measured: sluice.requestsPerSecond / raw.requestsPerSecond,
        unit: 'x requests/s',
        target: 0.8,
        wants: 'at least',
        details: { 'Sluice/s': sluice.requestsPerSecond, 'raw/s': raw.requestsPerSecond },
      },
    );
  }
  return claims;
}

/** Wanted duration of a run where one has to be felt. */
const slowRunMs = 25;
const slowLayers = 8;

/** How late the event loop is while a model of 25 ms is asked for at 90 % of what it can do; then the tail at 70 %. */
export async function slowModel(stand: Stand): Promise<Claim[]> {
  const values = pixels(512);
  const request = jsonRequest(values, [1, 512]);
  const model = deepModel(await layersFor(stand, request));
  const sluice = await stand.sluice(model);
  const raw = await stand.peer('raw-http', model);
  const sluiceAt90 = await loadedDelay(sluice, request);
  const rawAt90 = await loadedDelay(raw, request);
  return [
    {
      name: `event-loop delay p99 under a ${slowRunMs} ms model at 90 % load`,
      against: `${rawHttp} (${rawAt90.delayMs.toFixed(0)} ms)`,
      measured: sluiceAt90.delayMs,
      unit: 'ms',
      target: 10,
      wants: 'at most',
      details: { 'run ms': sluiceAt90.runMs, 'raw ms': rawAt90.delayMs },
    },
    await tailAt70(sluice, request),
  ];
}

/** So many layers take `slowRunMs` on this machine. */
async function layersFor(stand: Stand, request: Uint8Array): Promise<number> {
  const trial = await stand.sluice(deepModel(slowLayers));
  const runMs = await medianRunMs(trial, request);
  return Math.max(1, Math.round((slowLayers * slowRunMs) / runMs));
}

async function medianRunMs(server: ServerProcess, request: Uint8Array): Promise<number> {
  const { latenciesMs } = await closedLoop({ port: server.port, request, connections: 1, durationMs: 2_000 });
  return percentile(latenciesMs, 0.5);
}

async function loadedDelay(
  server: ServerProcess,
  request: Uint8Array,
): Promise<{ delayMs: number; runMs: number }> {
  const runMs = await medianRunMs(server, request);
  await server.loopDelayMs();
  await poisson({ ...openLoop(server, request), requestsPerSecond: 900 / runMs });
  return { delayMs: await server.loopDelayMs(), runMs };
}

async function tailAt70(server: ServerProcess, request: Uint8Array): Promise<Claim> {
  const runMs = await medianRunMs(server, request);
  const { latenciesMs } = await poisson({ ...openLoop(server, request), requestsPerSecond: 700 / runMs });
  const [p50Ms, p99Ms] = [percentile(latenciesMs, 0.5), percentile(latenciesMs, 0.99)];
  return {
    name: 'Poisson arrivals at 70 % load, p99 / p50',
    measured: p99Ms / p50Ms,
    unit: 'x',
    target: 4,
    wants: 'at most',
    details: { 'p50 ms': p50Ms, 'p99 ms': p99Ms, requests: latenciesMs.length },
  };
}

function openLoop(server: ServerProcess, request: Uint8Array) {
  const random = seededRandom(7);
  return {
    port: server.port,
    request,
    durationMs: 15_000,
    connectionsMax: 64,
    random: () => random() / 2 ** 32,
  };
}

/** Has up to so many requests run together. */
function withBatches(run: RunManifest, itemsMax: number): void {
  run.routes.batching = { itemsMax };
}

/** Requests that share the reading of a model's weights. */
export async function batching(stand: Stand): Promise<Claim[]> {
  const model = wideModel();
  const request = binaryRequest(pixels(2048), [1, 2048]);
  const [together, alone] = await compareRounds(
    [
      { server: await stand.sluice(model, (run) => withBatches(run, 32)), request },
      { server: await stand.sluice(model, (run) => withBatches(run, 1)), request },
    ],
    32,
  );
  return [
    {
      name: '2048-wide MLP, 32 connections, batching on',
      against: 'the same without batching',
      measured: together.requestsPerSecond / alone.requestsPerSecond,
      unit: 'x requests/s',
      target: 4,
      wants: 'at least',
      details: { 'on/s': together.requestsPerSecond, 'off/s': alone.requestsPerSecond },
    },
  ];
}
