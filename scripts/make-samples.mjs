// Writes the pictures and requests of samples/fashion from the golden test images; the same bytes every time.
import { readFileSync, writeFileSync } from 'node:fs';
import { encode } from 'fast-png';

const side = 28;
const pixelsPerImage = side * side;
const folder = new URL('../samples/fashion/', import.meta.url);
const images = readFileSync(new URL('../test/golden/fashion/images-first1000.u8', import.meta.url));

/** Pictures by index in the test set; the model is right about each. */
const pictures = { 'ankle-boot': 0, pullover: 1, trouser: 2, coat: 6, sandal: 8 };
/** Requests use the first picture; golden samples use these. */
const goldenIndexes = [0, 1, 2, 3, 4, 5, 6, 7];

function pixelsOf(index) {
  return images.subarray(index * pixelsPerImage, (index + 1) * pixelsPerImage);
}

function inputOf(index) {
  return Float32Array.from(pixelsOf(index), (pixel) => pixel / 255);
}

function write(name, content) {
  writeFileSync(new URL(name, folder), content);
}

for (const [name, index] of Object.entries(pictures)) {
  write(
    `${name}.png`,
    encode({ width: side, height: side, data: Uint8Array.from(pixelsOf(index)), channels: 1, depth: 8 }),
  );
}

const rows = Array.from({ length: side }, (_, row) => [
  ...pixelsOf(0).subarray(row * side, (row + 1) * side),
]);
write('request.json', `{"image": [\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]}\n`);

write(
  'infer.json',
  `${JSON.stringify({
    inputs: [{ name: 'input', shape: [1, pixelsPerImage], datatype: 'FP32', data: [...inputOf(0)] }],
  })}\n`,
);

write(
  'golden.json',
  `${JSON.stringify({
    samples: goldenIndexes.map((index) => ({
      inputs: [
        {
          name: 'input',
          datatype: 'FP32',
          shape: [1, pixelsPerImage],
          data: Buffer.from(inputOf(index).buffer).toString('base64'),
        },
      ],
    })),
  })}\n`,
);
