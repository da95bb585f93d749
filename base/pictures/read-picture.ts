import { decode as decodePng } from 'fast-png';
import jpeg from 'jpeg-js';
import { SluiceError } from '../../contract/errors.ts';

/** A picture: red, green and blue of each pixel, row after row, 0 to 255. */
export interface Picture {
  width: number;
  height: number;
  rgb: Float32Array;
}

/** Most pixels of a picture, and memory that its decoder may take. */
const pixelsMax = 64_000_000;
const decoderMebibytesMax = 1024;

/** Decodes a PNG or JPEG by what it starts with. Throws `tensor_data`, starting with `what`. */
export function readPicture(bytes: Uint8Array, what: string): Picture {
  try {
    return bytes[0] === 0x89 ? pictureOfPng(bytes) : pictureOfJpeg(bytes);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('tensor_data', `${what}: the picture cannot be read (${reason})`, {
      cause: thrown,
    });
  }
}

/** The size stands in the first chunk; it is looked at before anything is unpacked. */
function pictureOfPng(bytes: Uint8Array): Picture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkSize(view.getUint32(16), view.getUint32(20));
  const { width, height, channels, depth, data, palette } = decodePng(bytes);
  const values = depth < 8 ? unpacked(data, { width, height, depth }) : data;
  const most = 2 ** depth - 1;
  const rgb = new Float32Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const value = values[pixel * channels + (channels < 3 ? 0 : channel)] ?? 0;
      rgb[pixel * 3 + channel] =
        palette === undefined ? (value * 255) / most : (palette[value]?.[channel] ?? 0);
    }
  }
  return { width, height, rgb };
}

/** Samples of less than a byte, one each; a row starts with a whole byte. */
function unpacked(
  data: ArrayLike<number>,
  { width, height, depth }: { width: number; height: number; depth: number },
): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  return Uint8Array.from({ length: width * height }, (_, pixel) => {
    const bit = (pixel % width) * depth;
    const byte = data[Math.floor(pixel / width) * rowBytes + (bit >> 3)] ?? 0;
    return (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  });
}

function pictureOfJpeg(bytes: Uint8Array): Picture {
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    maxResolutionInMP: pixelsMax / 1_000_000,
    maxMemoryUsageInMB: decoderMebibytesMax,
  });
  checkSize(width, height);
  return { width, height, rgb: Float32Array.from(data) };
}

function checkSize(width: number, height: number): void {
  if (width === 0 || height === 0) throw new Error('it has no pixels');
  if (width * height > pixelsMax) {
    throw new Error(`${width} x ${height} pixels, at most ${pixelsMax} in all`);
  }
}
