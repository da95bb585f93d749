import { SluiceError } from '../../../contract/errors.ts';
import { datatypeBytes } from '../../../contract/tensor-data.ts';
import type { SequenceRequest } from '../../sequences/sequence-request.ts';
import { checkData } from '../../tensors/signature.ts';
import type { CountedOptions } from '../counted-request.ts';
import type { Exchange } from '../exchange.ts';
import type { CopiedRequest } from '../mirror.ts';
import { runInfer } from '../open-inference/infer.ts';
import { checkInferRequest, type DecodedInfer, type InputTarget } from '../open-inference/infer-request.ts';
import { routeHeader } from '../request-context.ts';
import type { ServedImage } from '../served-image.ts';
import type { InferAnswer } from './infer-answer.ts';
import type { InferMessage } from './infer-message.ts';
import { readTypedContents } from './typed-contents.ts';

/** Computes a `ModelInferRequest`. Throws as the same request over HTTP does. */
export function inferMessage(options: CountedOptions, message: InferMessage): Promise<InferAnswer> {
  const { name, image } = options;
  return runInfer<InferAnswer>(options, {
    read: (header) => decodeMessage(message, options.image, header),
    write: ({ id }, outputs) => ({ modelName: name, modelVersion: String(image.version), id, outputs }),
  });
}

/** What is copied of a message that was answered. */
export function copyOfMessage(message: InferMessage, exchange: Exchange): CopiedRequest {
  return {
    bodyBytes: message.bytes,
    route: exchange.header(routeHeader),
    // Read anew: the other image may take other inputs.
    rerun: async (run) => run.inferDecoded(decodeMessage(message, run.image).inputs),
  };
}

function decodeMessage(
  message: InferMessage,
  { signature, sequences }: ServedImage,
  header?: SequenceRequest,
): DecodedInfer {
  const { request, raw } = message;
  if (raw.length > 0 && raw.length !== request.inputs.length) {
    throw new SluiceError(
      'invalid_request',
      `raw_input_contents: ${raw.length} for ${request.inputs.length} inputs; one for each expected, or none at all`,
    );
  }
  return checkInferRequest(request, { signature, sequences, header }, (_input, target) =>
    dataOf(message, target),
  );
}

function dataOf({ raw, contents }: InferMessage, target: InputTarget): Uint8Array {
  const { index, datatype, shape, where } = target;
  const typed = contents[index] ?? [];
  const data = raw[index];
  if (data === undefined) return readTypedContents(typed, target);
  if (typed.some(({ length }) => length > 0)) {
    throw new SluiceError(
      'tensor_data',
      `${where}: has both contents and raw_input_contents; give one of them`,
    );
  }
  checkData({ datatype, shape, data }, where);
  const alignment = datatype === 'BYTES' ? 1 : datatypeBytes[datatype];
  return data.byteOffset % alignment === 0 ? data : new Uint8Array(data);
}
