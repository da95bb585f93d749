import { performance } from 'node:perf_hooks';
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { onTestFinished } from 'vitest';
import { type EndpointSettings, endpointDefaults } from '../../agent/scoring/endpoint-settings.ts';
import { GrpcServer } from '../../agent/scoring/grpc/server.ts';
import type { ListenerSettings } from '../../agent/scoring/listener-settings.ts';
import { type ScoringLimits, scoringLimits } from '../../agent/scoring-limits.ts';
import { createLogger } from '../../base/logger.ts';
import type { LocalScoring } from './local-scoring.ts';
import { repositoryPath } from './paths.ts';

const folder = repositoryPath('agent', 'scoring', 'grpc');
const schema = new protobuf.Root().loadSync([`${folder}/open-inference.proto`, `${folder}/health.proto`], {
  keepCase: true,
});

/** How a call ended. */
export interface CallEnd {
  status: keyof typeof status;
  details: string;
  /** Of the answer, and what came behind it. */
  metadata: Metadata;
  trailers: Metadata;
  /** Absent when the call failed. */
  message?: Record<string, unknown>;
}

/** Options of a call. */
export interface CallOptions {
  metadata?: Record<string, string>;
  deadlineMs?: number;
  signal?: AbortSignal;
  /** Instead of the message. */
  bytes?: Uint8Array;
}

/** A stream, with the answers that came. */
export interface LocalStream {
  call: ClientDuplexStream<object, Record<string, unknown>>;
  /** The next answers, as many. */
  next(count: number): Promise<Record<string, unknown>[]>;
}

/** Calls a server. */
interface LocalClient {
  call(method: string, message?: object, options?: CallOptions): Promise<CallEnd>;
  stream(options?: CallOptions): LocalStream;
}

/** A gRPC server in the test's own process, and its client. */
export interface LocalGrpc extends LocalClient {
  port: number;
  server: GrpcServer;
}

/** A message in bytes. */
export function encode(type: string, message: object): Buffer {
  const found = schema.lookupType(type);
  return Buffer.from(found.encode(found.fromObject(message)).finish());
}

/** Serves what a scoring server serves; both stop when the test ends. */
export async function startGrpc(
  { deployments, endpoints, mirror, random, tracer }: LocalScoring,
  options: {
    port?: number;
    limits?: Partial<ScoringLimits>;
    listeners?: ListenerSettings;
    /** Of the client; plain text if not given. */
    credentials?: ChannelCredentials;
  } & EndpointSettings = {},
): Promise<LocalGrpc> {
  const server = new GrpcServer({
    ...{ ...endpointDefaults, ...options, deployments, endpoints, mirror, random, tracer },
    listeners: options.listeners ?? {},
    limits: { ...scoringLimits, ...options.limits },
    nowMs: () => performance.now(),
    instantMs: Date.now,
    log: createLogger({ name: 'test', level: 'silent' }),
  });
  const port = await server.start({ host: '127.0.0.1', port: options.port ?? 0 });
  onTestFinished(() => server.stop());
  return { port, server, ...grpcClient(port, options.credentials) };
}

/** A client of a server on this machine, until the test ends. */
export function grpcClient(
  port: number,
  channel: ChannelCredentials = credentials.createInsecure(),
): LocalClient {
  const client = new Client(`127.0.0.1:${port}`, channel, {
    'grpc.max_send_message_length': -1,
    'grpc.max_receive_message_length': -1,
  });
  onTestFinished(() => client.close());
  return {
    call: (method, message = {}, callOptions = {}) => unaryCall(client, method, message, callOptions),
    stream: (callOptions = {}) => openStream(client, callOptions),
  };
}

function methodOf(name: string): { path: string; request: string; response: string } {
  const service = name === 'Check' ? 'grpc.health.v1.Health' : 'inference.GRPCInferenceService';
  const method = schema.lookupService(service).methods[name];
  if (method === undefined) throw new Error(`no method ${name}`);
  method.resolve();
  const { resolvedRequestType: request, resolvedResponseType: response } = method;
  return {
    path: `/${service}/${name}`,
    request: String(request?.fullName),
    response: String(response?.fullName),
  };
}

function decode(type: string, bytes: Uint8Array): Record<string, unknown> {
  const found = schema.lookupType(type);
  return found.toObject(found.decode(bytes), { longs: Number, enums: String, defaults: true });
}

function metadataOf({ metadata = {} }: CallOptions): Metadata {
  const sent = new Metadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  return sent;
}

function deadlineOf({ deadlineMs }: CallOptions): { deadline?: number } {
  return deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
}

function unaryCall(client: Client, name: string, message: object, options: CallOptions): Promise<CallEnd> {
  const { path, request, response } = methodOf(name);
  return new Promise((resolve) => {
    let metadata = new Metadata();
    const end = (error: ServiceError | null, answer?: Record<string, unknown>): void => {
      const trailers = error?.metadata ?? new Metadata();
      const known = {
        status: status[error?.code ?? status.OK] as keyof typeof status,
        details: error?.details ?? '',
      };
      resolve({ ...known, metadata, trailers, ...(answer === undefined ? {} : { message: answer }) });
    };
    const call = client.makeUnaryRequest<object, Record<string, unknown>>(
      path,
      (sent) => Buffer.from(options.bytes ?? encode(request, sent)),
      (bytes) => decode(response, bytes),
      message,
      metadataOf(options),
      deadlineOf(options),
      end,
    );
    call.on('metadata', (received: Metadata) => {
      metadata = received;
    });
    options.signal?.addEventListener('abort', () => call.cancel());
  });
}

function openStream(client: Client, options: CallOptions): LocalStream {
  const { path, request, response } = methodOf('ModelStreamInfer');
  const call = client.makeBidiStreamRequest<object, Record<string, unknown>>(
    path,
    (sent) => (sent instanceof Uint8Array ? Buffer.from(sent) : encode(request, sent)),
    (bytes) => decode(response, bytes),
    metadataOf(options),
    deadlineOf(options),
  );
  const answers: Record<string, unknown>[] = [];
  let arrived = (): void => undefined;
  call.on('data', (answer: Record<string, unknown>) => {
    answers.push(answer);
    arrived();
  });
  call.on('error', () => arrived());
  return {
    call,
    next: async (count) => {
      while (answers.length < count) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
      return answers.splice(0, count);
    },
  };
}
