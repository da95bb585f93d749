import type { FastifyRequest } from 'fastify';
import type { Tensor } from '../../../contract/tensors.ts';
import type { SequenceRequest } from '../../sequences/sequence-request.ts';
import { compressIfAsked } from '../compressed-answer.ts';
import { type CountedOptions, countRequest } from '../counted-request.ts';
import type { HttpCall } from '../exchange.ts';
import type { MirroredRun } from '../mirrored-run.ts';
import { readBody } from '../request-body.ts';
import { singleHeader } from '../request-context.ts';
import { isBatchOpen, type ServedImage } from '../served-image.ts';
import { releaseAnswer } from '../when-over.ts';
import { classify } from './classification.ts';
import { headerLengthHeader, splitInferBody } from './infer-body.ts';
import { type DecodedInfer, decodeInferRequest } from './infer-request.ts';
import { encodeInferResponse } from './infer-response.ts';

const usPerMs = 1000;

/** Answers `POST /v2/models/{name}/infer`. */
export function infer(options: CountedOptions & HttpCall): Promise<string | Uint8Array> {
  return runInfer(options, {
    read: (header) => readRequest(options, header),
    write: (decoded, outputs) => writeAnswer(options, decoded, outputs),
  });
}

/** An output as it was asked for, maybe classified. */
export interface AnsweredOutput {
  tensor: Tensor;
  isBinary: boolean;
}

/** How a protocol reads a request, of which headers may name a sequence, and writes its answer. */
interface InferForm<Answer> {
  read: (header: SequenceRequest | undefined) => DecodedInfer | Promise<DecodedInfer>;
  write: (decoded: DecodedInfer, outputs: readonly AnsweredOutput[]) => Answer | Promise<Answer>;
}

/** Runs an infer request of any protocol, and counts it. */
export function runInfer<Answer>(options: CountedOptions, form: InferForm<Answer>): Promise<Answer> {
  return countRequest(options, async (context, meter) => {
    const decoded = await form.read(context.sequence);
    meter.read(decoded.inputs);
    if (decoded.timeoutUs > 0) context.expire(decoded.timeoutUs / usPerMs);
    if (decoded.priority > 0) context.prioritise(decoded.priority);
    const outputs = await context.infer(decoded.inputs, decoded.sequence);
    meter.ran();
    const answer = await form.write(decoded, askedOutputs(options.image, decoded, outputs));
    meter.wrote();
    return answer;
  });
}

/** Runs a copy of an answered request, read anew: the other image may take other inputs. */
export async function reinfer(request: FastifyRequest, run: MirroredRun): Promise<void> {
  const { inputs } = await decode(request, request.plainBody ?? new Uint8Array(), { image: run.image });
  await run.inferDecoded(inputs);
}

async function readRequest(
  { image, request }: CountedOptions & HttpCall,
  header: SequenceRequest | undefined,
): Promise<DecodedInfer> {
  return decode(request, await readBody(request), { image, header });
}

function decode(
  request: FastifyRequest,
  body: Uint8Array,
  { image, header }: { image: ServedImage; header?: SequenceRequest | undefined },
): Promise<DecodedInfer> {
  const parts = splitInferBody(body, singleHeader(request, headerLengthHeader));
  return decodeInferRequest(parts, image.signature, { sequences: image.sequences, header });
}

function askedOutputs(
  image: ServedImage,
  { outputs }: DecodedInfer,
  all: readonly Tensor[],
): AnsweredOutput[] {
  const isBatched = isBatchOpen(image);
  return outputs.map(({ name, classes, isBinary }) => {
    const tensor = all.find((each) => each.name === name) as Tensor;
    return { tensor: classes === 0 ? tensor : classify(tensor, { classes, isBatched }), isBinary };
  });
}

async function writeAnswer(
  { name, image, request, reply }: CountedOptions & HttpCall,
  decoded: DecodedInfer,
  outputs: readonly AnsweredOutput[],
): Promise<string | Uint8Array> {
  const { body, headerLength } = await encodeInferResponse({
    modelName: name,
    modelVersion: String(image.version),
    id: decoded.id,
    outputs,
  });
  if (headerLength === undefined) {
    void reply.type('application/json; charset=utf-8');
  } else {
    void reply.type('application/octet-stream').header(headerLengthHeader, String(headerLength));
  }
  const payload = await compressIfAsked(body, { request, reply });
  releaseAnswer(body, reply);
  return payload;
}
