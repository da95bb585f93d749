import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { Client, credentials } from '@grpc/grpc-js';
import { Registry } from 'prom-client';
import protobuf from 'protobufjs';
import type { Engine } from '../agent/engines/engine.ts';
import { Router } from '../agent/engines/router.ts';
import { ImageMeters } from '../agent/observe/image-meters.ts';
import { Deployments } from '../agent/scoring/deployments.ts';
import { endpointDefaults } from '../agent/scoring/endpoint-settings.ts';
import { Endpoints } from '../agent/scoring/endpoints.ts';
import { GrpcServer } from '../agent/scoring/grpc/server.ts';
import { Mirror } from '../agent/scoring/mirror.ts';
import { ServedImage } from '../agent/scoring/served-image.ts';
import { ScoringServer } from '../agent/scoring/server.ts';
import { scoringLimits } from '../agent/scoring-limits.ts';
import { BlobStore } from '../base/blob-store.ts';
import { createLogger } from '../base/logger.ts';
import { type Contender, compare, type Measurement } from './measure.ts';

/** Gives its input back at once, so that only the way there and back takes time. */
const echo: Engine = {
  route: 'cpu',
  infer: async (inputs) => inputs.map((tensor) => ({ ...tensor, name: 'y' })),
  expectedMs: () => 0,
  close: async () => undefined,
};

/** Serves one image that comes from no store. */
class OneDeployment extends Deployments {
  readonly #image = new ServedImage({
    ...{
      digest: `sha256:${'0'.repeat(64)}`,
      name: 'echo',
      version: 1,
      script: undefined,
      sequences: undefined,
      collector: undefined,
    },
    meters: new ImageMeters(),
    signature: {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, -1] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1, -1] }],
    },
    router: new Router({ what: 'bench', policy: 'cpu', cpu: echo, npu: undefined }),
  });

  override get(): ServedImage {
    return this.#image;
  }
}

/** The way of a request there and back over HTTP and gRPC, client and server in one process; the model is an echo. */
export async function benchGrpc(): Promise<Record<string, Measurement[]>> {
  const nowMs = (): number => performance.now();
  const log = createLogger({ name: 'bench', level: 'silent' });
  const blobs = new BlobStore(tmpdir());
  const deployments = new OneDeployment({ blobs, npu: undefined, limits: scoringLimits, nowMs, log });
  const clocks = { nowMs, instantMs: Date.now };
  const [limits, random] = [scoringLimits, Math.random];
  const mirror = new Mirror({ deployments, limits, random, ...clocks, log });
  const common = {
    ...{ ...endpointDefaults, ...clocks, deployments, mirror, random, limits, log },
    endpoints: new Endpoints(),
    listeners: {},
  };
  const http = new ScoringServer({ ...common, randomId: () => '', registry: new Registry() });
  const grpc = new GrpcServer(common);
  const httpPort = (await http.start({ host: '127.0.0.1', port: 0 })) ?? 0;
  const grpcPort = await grpc.start({ host: '127.0.0.1', port: 0 });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
  try {
    const tables: Record<string, Measurement[]> = {};
    for (const [what, elements] of [
      ['784 floats, 3 KB', 784],
      ['150,528 floats, 602 KB', 150_528],
    ] as const) {
      const values = Float32Array.from({ length: elements }, (_, index) => (index % 251) / 250);
      const contenders = [
        ...httpContenders({ agent, port: httpPort, values }),
        ...grpcContenders({ client, values }),
      ];
      tables[what] = await compare(contenders, { rounds: 9, callsPerRound: elements > 1_000 ? 5 : 50 });
    }
    return tables;
  } finally {
    client.close();
    agent.destroy();
    await grpc.stop();
    await http.stop();
  }
}

function httpContenders({
  agent,
  port,
  values,
}: {
  agent: Agent;
  port: number;
  values: Float32Array;
}): Contender[] {
  const bytes = new Uint8Array(values.buffer);
  const input = { name: 'x', datatype: 'FP32', shape: [1, values.length] };
  const header = Buffer.from(
    JSON.stringify({
      inputs: [{ ...input, parameters: { binary_data_size: bytes.length } }],
      parameters: { binary_data_output: true },
    }),
  );
  const json = Buffer.from(JSON.stringify({ inputs: [{ ...input, data: [...values] }] }));
  const post = (body: Buffer, headers: Record<string, string>): Promise<void> =>
    new Promise((resolve, reject) => {
      const options = {
        agent,
        port,
        host: '127.0.0.1',
        path: '/v2/models/echo/infer',
        method: 'POST',
        headers,
      };
      const sent = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          if (response.statusCode === 200 && Buffer.concat(chunks).length > bytes.length) resolve();
          else reject(new Error(`HTTP answered ${response.statusCode}`));
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  return [
    {
      name: 'HTTP, binary tensors',
      run: () =>
        post(Buffer.concat([header, bytes]), { 'inference-header-content-length': String(header.length) }),
    },
    { name: 'HTTP, JSON', run: () => post(json, {}) },
  ];
}

function grpcContenders({ client, values }: { client: Client; values: Float32Array }): Contender[] {
  const bytes = Buffer.from(values.buffer);
  const field = (writer: protobuf.Writer, number: number): protobuf.Writer =>
    writer.uint32((number << 3) | 2);
  const message = (fill: (input: protobuf.Writer) => void, raw: boolean): Buffer => {
    const writer = field(protobuf.Writer.create(), 1).string('echo');
    const input = field(field(field(writer, 5).fork(), 1).string('x'), 2).string('FP32');
    field(input, 3).fork().int64(1).int64(values.length).ldelim();
    fill(input);
    input.ldelim();
    if (raw) field(writer, 7).bytes(bytes);
    return Buffer.from(writer.finish());
  };
  const rawMessage = (): Buffer => message(() => undefined, true);
  const typedMessage = (): Buffer =>
    message((input) => void field(field(input, 5).fork(), 6).bytes(bytes).ldelim(), false);
  const path = '/inference.GRPCInferenceService/ModelInfer';
  const asTheyAre = (sent: Buffer): Buffer => sent;
  const unary = (sent: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, asTheyAre, asTheyAre, sent, (error, answer) => {
        if (error === null && (answer?.length ?? 0) > bytes.length) resolve();
        else reject(error ?? new Error('gRPC answered too little'));
      });
    });
  return [
    { name: 'gRPC, raw contents', run: () => unary(rawMessage()) },
    { name: 'gRPC, typed contents', run: () => unary(typedMessage()) },
    streamContender(client, rawMessage),
  ];
}

/** One stream for all requests, one after the other. */
function streamContender(client: Client, message: () => Buffer): Contender {
  const path = '/inference.GRPCInferenceService/ModelStreamInfer';
  const asTheyAre = (sent: Buffer): Buffer => sent;
  const call = client.makeBidiStreamRequest(path, asTheyAre, asTheyAre);
  let answered = (): void => undefined;
  call.on('data', () => answered());
  // Closing the client ends it.
  call.on('error', () => undefined);
  return {
    name: 'gRPC, a stream',
    run: () =>
      new Promise((resolve) => {
        answered = resolve;
        call.write(message());
      }),
  };
}
