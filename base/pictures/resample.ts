import type { Picture } from './read-picture.ts';

/** Weights of the source positions that one target position mixes. */
interface Taps {
  first: number;
  weights: Float32Array;
}

/**
 * Stretches a picture to a size. Each target pixel is a weighted mean with a triangle as wide as it is in
 * the source: bilinear when the picture grows, and without aliasing when it shrinks.
 */
export function resample(picture: Picture, size: { width: number; height: number }): Picture {
  if (picture.width === size.width && picture.height === size.height) return picture;
  const rows = tapsOf(picture.height, size.height);
  const columns = tapsOf(picture.width, size.width);
  const narrow = new Float32Array(picture.height * size.width * 3);
  for (let row = 0; row < picture.height; row += 1) {
    mix(
      { source: picture.rgb, start: row * picture.width * 3, pitch: 3, taps: columns },
      (column, channel, value) => {
        narrow[(row * size.width + column) * 3 + channel] = value;
      },
    );
  }
  const rgb = new Float32Array(size.height * size.width * 3);
  for (let column = 0; column < size.width; column += 1) {
    mix({ source: narrow, start: column * 3, pitch: size.width * 3, taps: rows }, (row, channel, value) => {
      rgb[(row * size.width + column) * 3 + channel] = value;
    });
  }
  return { ...size, rgb };
}

function tapsOf(from: number, to: number): Taps[] {
  const ratio = from / to;
  const reach = Math.max(ratio, 1);
  return Array.from({ length: to }, (_, index) => {
    const centre = (index + 0.5) * ratio - 0.5;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(from - 1, Math.floor(centre + reach));
    const weights = Float32Array.from({ length: last - first + 1 }, (_, tap) =>
      Math.max(0, 1 - Math.abs(first + tap - centre) / reach),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** One line of pixels, mixed by the taps of each target position. */
function mix(
  line: { source: Float32Array; start: number; pitch: number; taps: readonly Taps[] },
  write: (index: number, channel: number, value: number) => void,
): void {
  const { source, start, pitch, taps } = line;
  for (const [index, { first, weights }] of taps.entries()) {
    for (let channel = 0; channel < 3; channel += 1) {
      let value = 0;
      for (let tap = 0; tap < weights.length; tap += 1) {
        value += (weights[tap] ?? 0) * (source[start + (first + tap) * pitch + channel] ?? 0);
      }
      write(index, channel, value);
    }
  }
}
