import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import {
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from '../../../base/logger.ts';
import { SluiceError } from '../../../contract/errors.ts';
import { limits as contractLimits } from '../../../contract/limits.ts';
import { traceOf } from '../../observe/request-trace.ts';
import { formatTraceParent } from '../../observe/trace-context.ts';
import type { Tracer } from '../../observe/tracer.ts';
import type { ScoringLimits } from '../../scoring-limits.ts';
import type { ListenerSettings } from '../listener-settings.ts';
import type { OpenInferenceOptions } from '../open-inference/options.ts';
import { GrpcAnswers } from './answers.ts';
import { EndedCalls } from './ended-calls.ts';
import { GrpcExchange } from './grpc-exchange.ts';
import { encodeInferAnswer, encodeStreamAnswer, encodeStreamError } from './infer-answer.ts';
import { type InferMessage, readInferMessage } from './infer-message.ts';
import { GrpcListeners } from './listeners.ts';
import { decodeMessage, encodeMessage, type Method, methodsOf, services } from './schema.ts';
import { errorOf, failureOf, messageOf, statusOf } from './status.ts';
import { answerInOrder, type StreamCall } from './stream.ts';

/** What the gRPC server needs. */
export interface GrpcServerOptions extends OpenInferenceOptions {
  /** TLS. */
  listeners: ListenerSettings;
  limits: ScoringLimits;
  /** Where traces are on; stopped by its owner. */
  tracer?: Tracer | undefined;
  log: Logger;
}

type UnaryCall = ServerUnaryCall<Buffer, Buffer>;

/** Methods that are asked every few seconds and say nothing, as paths of HTTP. */
const untraced: ReadonlySet<string> = new Set(['ServerLive', 'ServerReady', 'Check', 'Watch']);

/** In an answer of a stream: no other comes for the request (Triton's name). */
const finalParameter = 'triton_final_response';

/** The Open Inference Protocol and the health protocol over gRPC. Messages are bytes to the library beneath. */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #answers: GrpcAnswers;
  readonly #ended: EndedCalls;
  readonly #server: Server;
  #listeners: GrpcListeners | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#answers = new GrpcAnswers(options);
    this.#ended = new EndedCalls(options);
    this.#server = new Server(serverOptions(options.limits));
  }

  /** Listens; resolves with the port. Throws `port_in_use` or `usage`. */
  async start(address: { host: string; port: number }): Promise<number> {
    for (const service of Object.values(services)) this.#addService(methodsOf(service));
    const { listeners: settings, limits, log } = this.#options;
    // Connections come with their TLS, so the library has none to make.
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    const serve = (connection: Socket): void => injector.injectConnection(connection);
    this.#listeners = new GrpcListeners({ settings, serve, limits, log });
    return this.#listeners.start(address);
  }

  /** Takes no more calls, lets the running ones end within `limits.stopMs`, then hangs up. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#listeners?.close();
    const timer = setTimeout(() => {
      this.#server.forceShutdown();
      this.#listeners?.hangUp();
    }, this.#options.limits.stopMs);
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    // On Node 24 that resolves at once: closing the HTTP/2 server marks its sessions closed while calls still run.
    await this.#listeners?.ended();
    clearTimeout(timer);
    this.#listeners?.hangUp();
  }

  #addService(methods: readonly Method[]): void {
    const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const method of methods) {
      definition[method.name] = {
        path: method.path,
        requestStream: method.isStream,
        responseStream: method.isStream,
        requestSerialize: asTheyAre,
        requestDeserialize: asTheyAre,
        responseSerialize: asTheyAre,
        responseDeserialize: asTheyAre,
      };
      implementation[method.name] = method.isStream
        ? (call: StreamCall) => this.#serveStream(method, call)
        : (call: UnaryCall, respond: sendUnaryData<Buffer>) => void this.#serve(method, call, respond);
    }
    this.#server.addService(definition, implementation);
  }

  async #serve(method: Method, call: UnaryCall, respond: sendUnaryData<Buffer>): Promise<void> {
    const exchange = this.#exchange(method, call, signalOf(call));
    try {
      const answer = await this.#answer(method, call.request, exchange);
      call.sendMetadata(addHeaders(new Metadata(), exchange));
      respond(null, answer);
      this.#ended.tell(method, exchange, status.OK);
    } catch (thrown) {
      const failure = failureOf(this.#failed(method, exchange, thrown));
      addHeaders(failure.metadata, exchange);
      respond(failure);
    } finally {
      exchange.end();
    }
  }

  #serveStream(method: Method, call: StreamCall): void {
    const { grpcStreamDepthMax: depthMax } = this.#options.limits;
    const signal = signalOf(call);
    // Each request under way listens for the end of the call.
    setMaxListeners(0, signal);
    answerInOrder(call, {
      depthMax,
      answer: (request) => this.#answerOfStream(method, request, this.#exchange(method, call, signal)),
    });
  }

  async #answer(method: Method, request: Buffer, exchange: GrpcExchange): Promise<Buffer> {
    const answer = this.#answers.calls.get(method.path);
    if (answer === undefined) {
      return encodeInferAnswer(await this.#answers.infer(readInferMessage(request), exchange));
    }
    return encodeMessage(method.response, await answer(readMessage(method, request), exchange));
  }

  /** An answer says in its parameters what it would say in headers, which a stream has but once. Never rejects. */
  async #answerOfStream(method: Method, request: Buffer, exchange: GrpcExchange): Promise<Buffer> {
    let message: InferMessage | undefined;
    try {
      message = readInferMessage(request);
      const answer = await this.#answers.infer(message, exchange);
      const parameters = new Map<string, string | true>([...exchange.answered, [finalParameter, true]]);
      const encoded = encodeStreamAnswer({ ...answer, parameters });
      this.#ended.tell(method, exchange, status.OK);
      return encoded;
    } catch (thrown) {
      const error = this.#failed(method, exchange, thrown);
      return encodeStreamError(messageOf(error), message?.id ?? '');
    } finally {
      exchange.end();
    }
  }

  #exchange({ name }: Method, call: UnaryCall | StreamCall, signal: AbortSignal): GrpcExchange {
    const { nowMs, instantMs, tracer } = this.#options;
    const { metadata } = call;
    const trace = traceOf(
      { traceparent: textsOf(metadata, 'traceparent'), tracestate: textsOf(metadata, 'tracestate') },
      untraced.has(name) ? undefined : tracer?.options,
    );
    const leftMs = Number(call.getDeadline()) - instantMs();
    const timeoutMs = Number.isFinite(leftMs) ? leftMs : undefined;
    const exchange = new GrpcExchange({ metadata, trace, timeoutMs, signal, nowMs });
    if (trace?.own !== undefined) exchange.setHeader('traceparent', formatTraceParent(trace.own));
    return exchange;
  }

  #failed(method: Method, exchange: GrpcExchange, thrown: unknown): SluiceError {
    const error = errorOf(thrown);
    if (error.code === 'internal') {
      this.#options.log.error({ err: thrown, path: method.path }, 'call failed by a defect');
    }
    this.#ended.tell(method, exchange, statusOf(error), error.code);
    return error;
  }
}

function serverOptions(limits: ScoringLimits): ConstructorParameters<typeof Server>[0] {
  return {
    'grpc.max_receive_message_length': contractLimits.scoringBodyBytesMax,
    'grpc.max_send_message_length': contractLimits.scoringBodyBytesMax,
    'grpc.max_concurrent_streams': limits.grpcCallsMax,
    'grpc.max_connection_idle_ms': limits.keepAliveTimeoutMs,
    'grpc.keepalive_time_ms': limits.grpcPingMs,
    'grpc.keepalive_timeout_ms': limits.grpcPingTimeoutMs,
    'grpc.enable_channelz': 0,
  };
}

/** Throws `body_too_large` and `invalid_request`. */
function readMessage({ request, name }: Method, bytes: Buffer): Record<string, unknown> {
  const { grpcControlBytesMax: most } = contractLimits;
  if (bytes.length > most) {
    throw new SluiceError('body_too_large', `message: ${bytes.length} bytes, ${name} takes at most ${most}`);
  }
  try {
    return decodeMessage(request, bytes);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('invalid_request', `message: no ${request} (${reason})`, { cause: thrown });
  }
}

/** Aborted when the call is over: also when the client leaves, or its deadline passes. */
function signalOf(call: UnaryCall | StreamCall): AbortSignal {
  const controller = new AbortController();
  call.once('cancelled', () => controller.abort());
  return controller.signal;
}

/** Values of a metadata key, as headers of HTTP are given: one as it is, several as a list. */
function textsOf(metadata: Metadata, name: string): string | string[] | undefined {
  const texts = metadata.get(name).map(String);
  return texts.length > 1 ? texts : texts[0];
}

function addHeaders(metadata: Metadata, { answered }: GrpcExchange): Metadata {
  for (const [name, value] of answered) metadata.set(name, value);
  return metadata;
}

function asTheyAre(bytes: Buffer): Buffer {
  return bytes;
}
