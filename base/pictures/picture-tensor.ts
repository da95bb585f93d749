import { SluiceError } from '../../contract/errors.ts';
import { elementCount } from '../../contract/tensor-data.ts';
import type { Datatype, Tensor } from '../../contract/tensors.ts';
import type { Picture } from './read-picture.ts';
import { resample } from './resample.ts';

/** An input of a model with every dimension known. */
export interface PictureInput {
  name: string;
  datatype: Datatype;
  shape: readonly number[];
}

/** How pixels become numbers: (pixel / 255 - mean) / std, by channel or one for all. */
export interface Normalisation {
  mean: readonly number[];
  std: readonly number[];
}

/** Where an input has its channels, rows and columns. */
interface PictureLayout {
  channels: number;
  height: number;
  width: number;
  channelsLast: boolean;
}

/**
 * A picture as an input of a model, stretched to its size. Channels, one or three, are looked for at the
 * front, then at the back; one channel is the luminance of ITU-R BT.601. A UINT8 input takes the pixels as
 * they are. Throws `tensor_shape` and `tensor_datatype` starting with `what` for an input that is no picture.
 */
export function pictureTensor(
  picture: Picture,
  options: { input: PictureInput; normalisation: Normalisation; what: string },
): Tensor {
  const { input, normalisation, what } = options;
  const layout = layoutOf(picture, input, what);
  const values = valuesOf(resample(picture, layout), layout);
  const tensor = { name: input.name, datatype: input.datatype, shape: [...input.shape] };
  if (input.datatype === 'UINT8') return { ...tensor, data: Uint8Array.from(values, Math.round) };
  if (input.datatype !== 'FP32') {
    throw new SluiceError(
      'tensor_datatype',
      `${what}: a picture cannot feed the input "${input.name}" of ${input.datatype}; give its values instead`,
    );
  }
  normalise(values, layout, normalisation);
  return { ...tensor, data: new Uint8Array(values.buffer) };
}

function layoutOf(picture: Picture, { name, shape }: PictureInput, what: string): PictureLayout {
  const item = shape.slice(shape.length === 4 ? 1 : 0);
  const [first = 0, second = 0, third = 0] = item;
  const isOneItem = shape.length === 3 || (shape.length === 4 && shape[0] === 1);
  if (isOneItem && (first === 1 || first === 3)) {
    return { channels: first, height: second, width: third, channelsLast: false };
  }
  if (isOneItem && (third === 1 || third === 3)) {
    return { channels: third, height: first, width: second, channelsLast: true };
  }
  const { width, height } = picture;
  // A flat input, such as that of a fully connected network, takes a picture of exactly its size.
  if (shape.length <= 2 && elementCount(shape) === width * height) {
    return { channels: 1, height, width, channelsLast: false };
  }
  throw new SluiceError(
    'tensor_shape',
    `${what}: a picture of ${width} x ${height} pixels cannot feed the input "${name}" of [${shape}]; give its values instead`,
  );
}

/** Pixels of 0 to 255 in the order of the input. */
function valuesOf({ rgb }: Picture, { channels, height, width, channelsLast }: PictureLayout): Float32Array {
  const plane = height * width;
  const values = new Float32Array(plane * channels);
  for (let pixel = 0; pixel < plane; pixel += 1) {
    const [red = 0, green = 0, blue = 0] = [rgb[pixel * 3], rgb[pixel * 3 + 1], rgb[pixel * 3 + 2]];
    if (channels === 1) {
      values[pixel] = red === green && green === blue ? red : 0.299 * red + 0.587 * green + 0.114 * blue;
      continue;
    }
    for (const [channel, value] of [red, green, blue].entries()) {
      values[channelsLast ? pixel * 3 + channel : channel * plane + pixel] = value;
    }
  }
  return values;
}

function normalise(values: Float32Array, layout: PictureLayout, { mean, std }: Normalisation): void {
  const { channels, channelsLast, height, width } = layout;
  for (let channel = 0; channel < channels; channel += 1) {
    const offset = mean[mean.length === 1 ? 0 : channel] ?? 0;
    const factor = std[std.length === 1 ? 0 : channel] ?? 1;
    const start = channelsLast ? channel : channel * height * width;
    const step = channelsLast ? channels : 1;
    for (let pixel = 0; pixel < height * width; pixel += 1) {
      const index = start + pixel * step;
      values[index] = ((values[index] ?? 0) / 255 - offset) / factor;
    }
  }
}
