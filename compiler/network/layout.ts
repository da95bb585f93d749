/**
 * The order of a feature map's bytes in INPUT and OUTPUT: channel blocks of W bytes, W = inputParallel;
 * byte `((block * rows + row) * columns + column) * W + lane`. Lanes beyond the last channel are padding.
 */
export interface MapShape {
  channels: number;
  rows: number;
  columns: number;
}

/** Bytes of a feature map in blocks. */
export function blockedBytes({ channels, rows, columns }: MapShape, inputParallel: number): number {
  return Math.ceil(channels / inputParallel) * rows * columns * inputParallel;
}

/** Brings channels x rows x columns into blocks; padding lanes are 0. */
export function packFeatureMap(values: Int8Array, shape: MapShape, inputParallel: number): Int8Array {
  const packed = new Int8Array(blockedBytes(shape, inputParallel));
  visit(shape, inputParallel, (plain, blocked) => {
    packed[blocked] = values[plain] ?? 0;
  });
  return packed;
}

/** Brings blocks back into channels x rows x columns. */
export function unpackFeatureMap(packed: Int8Array, shape: MapShape, inputParallel: number): Int8Array {
  const values = new Int8Array(shape.channels * shape.rows * shape.columns);
  visit(shape, inputParallel, (plain, blocked) => {
    values[plain] = packed[blocked] ?? 0;
  });
  return values;
}

function visit(
  { channels, rows, columns }: MapShape,
  width: number,
  each: (plain: number, blocked: number) => void,
): void {
  const pixels = rows * columns;
  for (let channel = 0; channel < channels; channel += 1) {
    const block = Math.floor(channel / width);
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      each(channel * pixels + pixel, (block * pixels + pixel) * width + (channel % width));
    }
  }
}
