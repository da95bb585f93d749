import protobuf from 'protobufjs';
import type { Tensor } from '../../../contract/tensors.ts';
import type { AnsweredOutput } from '../open-inference/infer.ts';
import { tagOf, wireTypes } from './fields.ts';

const { varint, bytes } = wireTypes;

/** What a `ModelInferResponse` says. */
export interface InferAnswer {
  modelName: string;
  modelVersion: string;
  id: string | undefined;
  /** Values are texts, or true. */
  parameters?: ReadonlyMap<string, string | true>;
  outputs: readonly AnsweredOutput[];
}

/** Writes a `ModelInferResponse`; its tensors are raw, as Triton answers whichever way it is asked. */
export function encodeInferAnswer(answer: InferAnswer): Buffer {
  return finish(writeAnswer(newWriter(), answer));
}

/** Writes a `ModelStreamInferResponse` of an answer. */
export function encodeStreamAnswer(answer: InferAnswer): Buffer {
  const writer = newWriter();
  writeAnswer(writer.uint32(tagOf(2, bytes)).fork(), answer).ldelim();
  return finish(writer);
}

/** Writes a `ModelStreamInferResponse` of a failure; the id says which request it was. */
export function encodeStreamError(message: string, id: string): Buffer {
  const writer = newWriter();
  writer.uint32(tagOf(1, bytes)).string(message);
  writer.uint32(tagOf(2, bytes)).fork().uint32(tagOf(3, bytes)).string(id).ldelim();
  return finish(writer);
}

function writeAnswer(writer: protobuf.Writer, answer: InferAnswer): protobuf.Writer {
  writer.uint32(tagOf(1, bytes)).string(answer.modelName);
  writer.uint32(tagOf(2, bytes)).string(answer.modelVersion);
  if (answer.id !== undefined) writer.uint32(tagOf(3, bytes)).string(answer.id);
  for (const [key, value] of answer.parameters ?? []) {
    const entry = writer.uint32(tagOf(4, bytes)).fork().uint32(tagOf(1, bytes)).string(key);
    const parameter = entry.uint32(tagOf(2, bytes)).fork();
    if (value === true) parameter.uint32(tagOf(1, varint)).bool(value);
    else parameter.uint32(tagOf(3, bytes)).string(value);
    parameter.ldelim().ldelim();
  }
  for (const { tensor } of answer.outputs) writeOutput(writer, tensor);
  for (const { tensor } of answer.outputs) writer.uint32(tagOf(6, bytes)).bytes(tensor.data);
  return writer;
}

function writeOutput(writer: protobuf.Writer, { name, datatype, shape }: Tensor): void {
  writer.uint32(tagOf(5, bytes)).fork();
  writer.uint32(tagOf(1, bytes)).string(name);
  writer.uint32(tagOf(2, bytes)).string(datatype);
  writer.uint32(tagOf(3, bytes)).fork();
  for (const dimension of shape) writer.int64(dimension);
  writer.ldelim().ldelim();
}

function newWriter(): protobuf.Writer {
  return protobuf.Writer.create();
}

function finish(writer: protobuf.Writer): Buffer {
  const { buffer, byteOffset, byteLength } = writer.finish();
  return Buffer.from(buffer, byteOffset, byteLength);
}
