// BYTES elements as the Open Inference Protocol's binary tensor extension has them: each is its length in bytes,
// 32 bits, little-endian, and then its bytes.

const lengthBytes = 4;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** How many elements these bytes are; undefined when the last one is cut short. */
export function countByteElements(data: Uint8Array): number | undefined {
  const view = viewOf(data);
  let count = 0;
  let offset = 0;
  while (offset + lengthBytes <= data.length) {
    offset += lengthBytes + view.getUint32(offset, true);
    count += 1;
  }
  return offset === data.length ? count : undefined;
}

/** An element as JSON has it: a text, or in base64 what is not UTF-8. */
export type ByteElement = string | { b64: string };

/** The elements; the bytes must be whole ones. */
export function readByteElements(data: Uint8Array): ByteElement[] {
  const view = viewOf(data);
  const elements: ByteElement[] = [];
  let offset = 0;
  while (offset < data.length) {
    const start = offset + lengthBytes;
    offset = start + view.getUint32(offset, true);
    elements.push(elementOf(data.subarray(start, offset)));
  }
  return elements;
}

function elementOf(bytes: Uint8Array): ByteElement {
  try {
    return decoder.decode(bytes);
  } catch {
    return { b64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') };
  }
}

/** Elements: texts in UTF-8, and bytes as they are. */
export function writeByteElements(elements: readonly (string | Uint8Array)[]): Uint8Array {
  const encoded = elements.map((element) =>
    typeof element === 'string' ? Buffer.from(element, 'utf8') : element,
  );
  const total = encoded.reduce((sum, { length }) => sum + lengthBytes + length, 0);
  const data = new Uint8Array(total);
  const view = viewOf(data);
  let offset = 0;
  for (const bytes of encoded) {
    view.setUint32(offset, bytes.length, true);
    data.set(bytes, offset + lengthBytes);
    offset += lengthBytes + bytes.length;
  }
  return data;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
