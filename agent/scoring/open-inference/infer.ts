import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Tensor } from '../../../contract/tensors.ts';
import type { RunPhases } from '../../engines/run-terms.ts';
import { compressIfAsked } from '../compressed-answer.ts';
import type { FoundModel } from '../find-model.ts';
import { readBody } from '../request-body.ts';
import { RequestContext, singleHeader } from '../request-context.ts';
import { classify } from './classification.ts';
import { headerLengthHeader, splitInferBody } from './infer-body.ts';
import { type DecodedInfer, decodeInferRequest, type WantedOutput } from './infer-request.ts';
import { encodeInferResponse } from './infer-response.ts';
import { isBatchOpen } from './metadata.ts';

const usPerMs = 1000;

/** What answering needs besides the request. */
export interface InferOptions extends FoundModel {
  request: FastifyRequest;
  reply: FastifyReply;
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
}

/** Answers `POST /v2/models/{name}/infer` and counts it. */
export async function infer(options: InferOptions): Promise<string | Uint8Array> {
  const { image, reply, nowMs, instantMs } = options;
  const times = new Times(nowMs);
  const phases: RunPhases = { queueMs: 0, computeMs: 0 };
  let items = 1;
  let isSuccess = false;
  try {
    const context = new RequestContext(options);
    const decoded = await readRequest(options);
    times.mark('input');
    items = isBatchOpen(image) ? (decoded.inputs[0]?.shape[0] ?? 1) : 1;
    if (decoded.timeoutUs > 0) context.expire(decoded.timeoutUs / usPerMs);
    if (decoded.priority > 0) context.prioritise(decoded.priority);
    const all = await context.infer(decoded.inputs);
    Object.assign(phases, context.phases);
    times.mark('run');
    const answer = await writeAnswer(options, decoded, all);
    times.mark('output');
    isSuccess = true;
    return answer;
  } finally {
    const { input: inputMs, output: outputMs } = times;
    image.statistics.record(
      { isSuccess, totalMs: reply.elapsedTime, items, inputMs, outputMs, phases },
      instantMs(),
    );
  }
}

async function readRequest({ image, request }: InferOptions): Promise<DecodedInfer> {
  const body = await readBody(request);
  const parts = splitInferBody(body, singleHeader(request, headerLengthHeader));
  return decodeInferRequest(parts, image.signature);
}

async function writeAnswer(
  { name, image, request, reply }: InferOptions,
  decoded: DecodedInfer,
  all: readonly Tensor[],
): Promise<string | Uint8Array> {
  const isBatched = isBatchOpen(image);
  const wanted = ({ name: output, classes, isBinary }: WantedOutput) => {
    const tensor = all.find((each) => each.name === output) as Tensor;
    return { tensor: classes === 0 ? tensor : classify(tensor, { classes, isBatched }), isBinary };
  };
  const { body, headerLength } = encodeInferResponse({
    modelName: name,
    modelVersion: String(image.version),
    id: decoded.id,
    outputs: decoded.outputs.map(wanted),
  });
  if (headerLength === undefined) {
    void reply.type('application/json; charset=utf-8');
  } else {
    void reply.type('application/octet-stream').header(headerLengthHeader, String(headerLength));
  }
  return compressIfAsked(body, { request, reply });
}

/** Milliseconds between the ends of the phases of a request. */
class Times {
  input = 0;
  run = 0;
  output = 0;
  readonly #nowMs: () => number;
  #lastMs: number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#lastMs = nowMs();
  }

  mark(phase: 'input' | 'run' | 'output'): void {
    const nowMs = this.#nowMs();
    this[phase] = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
  }
}
