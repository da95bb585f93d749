import { isErrorCode, type SerializedError, SluiceError } from './errors.ts';
import { limits } from './limits.ts';

/**
 * A frame on `dn/blk`: 8 bytes of header, little-endian, then the chunk.
 *
 *   offset 0  u8   version, 1
 *   offset 1  u8   kind, 0 = data, 1 = refusal (payload: JSON {code, message})
 *   offset 2  u16  stream, from the request
 *   offset 4  u32  chunk index
 */
export type BlockFrame =
  | { kind: 'data'; stream: number; index: number; bytes: Uint8Array }
  | { kind: 'refusal'; stream: number; index: number; error: SerializedError };

const frameVersion = 1;
const kindData = 0;
const kindRefusal = 1;

/** Writes a frame. A data frame copies its chunk once. */
export function encodeBlockFrame(frame: BlockFrame): Uint8Array {
  const payload = frame.kind === 'data' ? frame.bytes : new TextEncoder().encode(JSON.stringify(frame.error));
  const bytes = new Uint8Array(limits.blockFrameHeaderBytes + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, frameVersion);
  view.setUint8(1, frame.kind === 'data' ? kindData : kindRefusal);
  view.setUint16(2, frame.stream, true);
  view.setUint32(4, frame.index, true);
  bytes.set(payload, limits.blockFrameHeaderBytes);
  return bytes;
}

/**
 * Reads a frame; `bytes` of a data frame is a view into the argument.
 * Throws `invalid_request` for anything that is not a frame of this version.
 */
export function decodeBlockFrame(bytes: Uint8Array): BlockFrame {
  if (bytes.length < limits.blockFrameHeaderBytes) {
    throw new SluiceError('invalid_request', `block frame: ${bytes.length} bytes, at least 8 expected`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(0) !== frameVersion) {
    throw new SluiceError('invalid_request', `block frame: version ${view.getUint8(0)}, 1 expected`);
  }
  const stream = view.getUint16(2, true);
  const index = view.getUint32(4, true);
  const payload = bytes.subarray(limits.blockFrameHeaderBytes);
  switch (view.getUint8(1)) {
    case kindData:
      return { kind: 'data', stream, index, bytes: payload };
    case kindRefusal:
      return { kind: 'refusal', stream, index, error: parseRefusal(payload) };
    default:
      throw new SluiceError('invalid_request', `block frame: kind ${view.getUint8(1)}, 0 or 1 expected`);
  }
}

function parseRefusal(payload: Uint8Array): SerializedError {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    if (typeof value === 'object' && value !== null && 'code' in value && 'message' in value) {
      const { code, message } = value;
      if (typeof code === 'string' && isErrorCode(code) && typeof message === 'string') {
        return { code, message };
      }
    }
  } catch {
    // Falls through: a refusal that cannot be read is a refusal all the same.
  }
  return { code: 'blob_unavailable', message: 'the source refused without a readable reason' };
}
