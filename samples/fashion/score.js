// Scoring script of the sample: a picture in, a label with its probability out.
// The build bundles this file with what it imports; it runs in a worker of its own on the device.
import { decode } from 'fast-png';

const side = 28;
const labels = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** Answers a PNG of 28 x 28 pixels, or JSON: {"image": 28 rows of 28 grey values, 0 to 255}. */
export async function run(input, context) {
  const pixels = isPng(input.body) ? pixelsOfPng(input.body) : pixelsOfJson(input.json());
  const { logits } = await context.infer({ input: { shape: [1, side * side], data: pixels } });
  const probabilities = softmax(logits.data);
  const best = probabilities.indexOf(Math.max(...probabilities));
  return {
    label: labels[best],
    class: best,
    probability: round(probabilities[best]),
    probabilities: Object.fromEntries(labels.map((label, index) => [label, round(probabilities[index])])),
  };
}

function isPng(body) {
  return [0x89, 0x50, 0x4e, 0x47].every((byte, index) => body[index] === byte);
}

function pixelsOfPng(body) {
  let image;
  try {
    image = decode(body);
  } catch (thrown) {
    throw inputError(`the PNG cannot be read: ${thrown.message}`);
  }
  const { width, height, channels, depth, data, palette } = image;
  if (width !== side || height !== side) {
    throw inputError(`the picture is ${width} x ${height} pixels, ${side} x ${side} expected`);
  }
  const most = 2 ** depth - 1;
  return Float32Array.from({ length: side * side }, (_, index) => {
    if (palette) return greyOf(palette[data[index]], 0, palette[data[index]].length) / 255;
    return greyOf(data, index * channels, channels) / most;
  });
}

/** Luminance by ITU-R BT.601 where there is colour; an alpha channel is ignored. */
function greyOf(data, start, channels) {
  if (channels < 3) return data[start];
  return 0.299 * data[start] + 0.587 * data[start + 1] + 0.114 * data[start + 2];
}

function pixelsOfJson(body) {
  const rows = body?.image;
  if (!Array.isArray(rows) || rows.length !== side) {
    throw inputError(`field image: an array of ${side} rows expected`);
  }
  rows.forEach((row, index) => {
    if (!Array.isArray(row) || row.length !== side)
      throw inputError(`field image[${index}]: ${side} numbers expected`);
    const bad = row.findIndex((value) => typeof value !== 'number' || !(value >= 0 && value <= 255));
    if (bad >= 0)
      throw inputError(
        `field image[${index}][${bad}]: ${JSON.stringify(row[bad])}, a number from 0 to 255 expected`,
      );
  });
  return Float32Array.from(rows.flat(), (value) => value / 255);
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function round(value) {
  return Math.round(value * 1e6) / 1e6;
}

function inputError(message) {
  return Object.assign(new Error(message), { name: 'InputError' });
}
