import { SluiceError } from '../../../contract/errors.ts';

/** Header of the binary tensor extension: bytes of JSON in front of the tensors. */
export const headerLengthHeader = 'inference-header-content-length';

/** An infer request's or answer's body: JSON, and the tensors behind it. */
export interface InferBody {
  /** Undefined when the whole body is the one input. */
  json: Uint8Array | undefined;
  binary: Uint8Array;
}

const none = new Uint8Array();

/**
 * Divides a body as the header says (Open Inference Protocol, binary tensor data extension): without it all is
 * JSON, with 0 all is one tensor. Throws `invalid_request` for a length that is none, or beyond the body.
 */
export function splitInferBody(body: Uint8Array, headerLength: string | undefined): InferBody {
  if (headerLength === undefined) return { json: body, binary: none };
  const length = /^\d{1,15}$/.test(headerLength) ? Number(headerLength) : Number.NaN;
  if (!(length <= body.length)) {
    throw new SluiceError(
      'invalid_request',
      `header ${headerLengthHeader}: ${JSON.stringify(headerLength.slice(0, 40))}; a number of bytes up to those of the body (${body.length}) was expected`,
    );
  }
  if (length === 0) return { json: undefined, binary: body };
  return { json: body.subarray(0, length), binary: body.subarray(length) };
}

/** Hands out the tensors behind the JSON, one after the other. */
export class BinaryReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next bytes, at an address that is a multiple of `alignment`: a view, or a copy. Throws `tensor_data`. */
  take(length: number, { where, alignment }: { where: string; alignment: number }): Uint8Array {
    const start = this.#offset;
    const left = this.#bytes.length - start;
    if (length > left) {
      throw new SluiceError(
        'tensor_data',
        `${where}: binary_data_size is ${length}, but only ${left} bytes are left of the body`,
      );
    }
    this.#offset += length;
    const view = this.#bytes.subarray(start, this.#offset);
    return view.byteOffset % alignment === 0 ? view : new Uint8Array(view);
  }

  /** Throws `invalid_request` when bytes are left over. */
  checkEmpty(): void {
    const left = this.#bytes.length - this.#offset;
    if (left === 0) return;
    throw new SluiceError(
      'invalid_request',
      `body: ${left} bytes behind the JSON belong to no input; give their number as binary_data_size of one`,
    );
  }
}
