// Writes test/golden/npu-arithmetic/cases.txt: single values of the NPU's arithmetic and what ONNX Runtime makes of
// them, from canonical models (compiler/network/canonical-model.ts). Run `npm run build` before. The numbers do
// not depend on the CPU; the folder's README says what a line holds.
//   node scripts/generate-npu-golden.mjs            writes the file
//   node scripts/generate-npu-golden.mjs --check    writes nothing; exit code 1 if the file would be another
import { readFileSync, writeFileSync } from 'node:fs';
import { addTermsOf, nudgedOutputScale } from '../dist/compiler/network/add-terms.js';
import { canonicalModelOf } from '../dist/compiler/network/canonical-model.js';
import { pixelWindow } from '../dist/compiler/network/pixel-window.js';
import { fixedScaleOf } from '../dist/contract/npu/parameters.js';
import { RuntimeModel } from '../dist/ort/runtime-model.js';

const lanes = 48;
const layers = 8;

let state = 20261124;
/** Uniform from least to most, both included; the same numbers on every run (xorshift32). */
function between(least, most) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return least + ((state >>> 0) % (most - least + 1));
}

const int8 = () => between(-128, 127);
const list = (count, value) => Array.from({ length: count }, value);
const vector = (name, channels) => ({ name, channels, rows: 1, columns: 1 });

/** Clamps of odd layers, so that both a clamp and its absence are there. */
function boundsOf(layer) {
  return layer % 2 === 0 ? [-128, 127] : [between(-128, -60), between(40, 127)];
}

/** What ONNX Runtime computes from one layer. */
async function runLayer(layer, inputs) {
  const maps = [...new Set([layer.input, layer.first, layer.second].filter((map) => map !== undefined))];
  const network = { name: 'golden', inputs: maps, outputs: [layer.output], layers: [layer] };
  const model = await RuntimeModel.load(canonicalModelOf(network), { fusesQuantisation: false });
  const feeds = maps.map(({ name, channels, rows, columns }, index) => ({
    name,
    datatype: 'INT8',
    shape: [1, channels, rows, columns],
    data: new Uint8Array(inputs[index].buffer),
  }));
  const results = await model.run(feeds);
  await model.release();
  return new Int8Array(results.get(layer.output.name).data);
}

/** A float32 scale that brings a sum into range, each third within one unit of its last place of a tie. */
function scaleFor(sum, index) {
  const magnitude = Math.max(1, Math.abs(Math.fround(sum)));
  if (index % 3 === 0) return Math.fround(between(1, 2 ** 23) / magnitude / 2 ** 16);
  const scale = Math.fround((between(0, 120) + 0.5) / magnitude);
  const bits = new Uint32Array(Float32Array.of(scale).buffer);
  bits[0] += between(-1, 1);
  return new Float32Array(bits.buffer)[0];
}

/** One 1 x 1 convolution of one channel: sum = weight * input, and a bias that makes it any int32. */
async function requantiseLines(index) {
  const [minimum, maximum] = boundsOf(index);
  const outputZeroPoint = int8();
  const input = int8();
  const weights = list(lanes, () => between(-127, 127));
  const sums = weights.map((weight) => weight * input);
  const bias = sums.map((_, lane) => between(-(2 ** 31), 2 ** 31 - 1) >> between(0, lane % 28));
  const scales = sums.map((sum, lane) => scaleFor((sum + bias[lane]) | 0, lane));
  const layer = {
    kind: 'convolution',
    name: 'requantise',
    input: vector('x', 1),
    output: vector('y', lanes),
    window: pixelWindow,
    groups: 1,
    weights: Int8Array.from(weights),
    bias: Int32Array.from(bias),
    scales: Float32Array.from(scales),
    inputZeroPoint: 0,
    outputZeroPoint,
    minimum,
    maximum,
  };
  const results = await runLayer(layer, [Int8Array.of(input)]);
  return sums.map((sum, lane) => {
    const { multiplier, shift } = fixedScaleOf(scales[lane]);
    const bounds = [outputZeroPoint, minimum, maximum];
    return ['requantise', sum, bias[lane], multiplier, shift, ...bounds, results[lane]];
  });
}

async function addLines(index) {
  const [minimum, maximum] = boundsOf(index);
  // Powers of two make exact ties, which float32 leaves exact.
  const isExact = index % 4 === 0;
  const [firstScale, secondScale] = isExact
    ? [0.125, 0.25]
    : list(2, () => Math.fround(between(400, 5400) / 100_000));
  const outputRatio = isExact ? 4 / 3 : between(600, 1200) / 1000;
  const wanted = {
    firstScale,
    firstZeroPoint: int8(),
    secondScale,
    secondZeroPoint: int8(),
    outputScale: Math.fround((firstScale + secondScale) * outputRatio),
    outputZeroPoint: int8(),
  };
  const quantisation = { ...wanted, outputScale: nudgedOutputScale(wanted) };
  const terms = addTermsOf(quantisation);
  const [first, second] = list(2, () => Int8Array.from(list(lanes, int8)));
  const maps = { first: vector('a', lanes), second: vector('b', lanes), output: vector('y', lanes) };
  const layer = { kind: 'add', name: 'add', ...maps, ...quantisation, ...terms, minimum, maximum };
  const results = await runLayer(layer, [first, second]);
  return [...first].map((value, lane) => {
    const operands = [terms.firstTerms[value + 128], terms.secondTerms[second[lane] + 128]];
    const rounding = [terms.shift, terms.tieWindow, quantisation.outputZeroPoint, minimum, maximum];
    return ['add', ...operands, ...rounding, results[lane]];
  });
}

async function multiplyLines(index) {
  const [minimum, maximum] = boundsOf(index);
  const points = { firstZeroPoint: int8(), secondZeroPoint: int8(), outputZeroPoint: int8() };
  const [first, second] = list(2, () => Int8Array.from(list(lanes, int8)));
  const scale = scaleFor((first[0] - points.firstZeroPoint) * (second[0] - points.secondZeroPoint), 1);
  const maps = { first: vector('a', lanes), second: vector('b', lanes), output: vector('y', lanes) };
  const layer = { kind: 'multiply', name: 'multiply', ...maps, ...points, scale, minimum, maximum };
  const results = await runLayer(layer, [first, second]);
  const { multiplier, shift } = fixedScaleOf(scale);
  return [...first].map((value, lane) => {
    const operands = [value, points.firstZeroPoint, second[lane], points.secondZeroPoint];
    const bounds = [points.outputZeroPoint, minimum, maximum];
    return ['multiply', ...operands, multiplier, shift, ...bounds, results[lane]];
  });
}

/** Nine values, one window. */
async function poolLines() {
  const values = Int8Array.from(list(9 * lanes, int8));
  const layer = {
    kind: 'maximum-pool',
    name: 'pool',
    input: { name: 'x', channels: lanes, rows: 3, columns: 3 },
    output: vector('y', lanes),
    window: { ...pixelWindow, kernelRows: 3, kernelColumns: 3 },
  };
  const results = await runLayer(layer, [values]);
  return [...results].map((result, lane) => ['pool', ...values.subarray(9 * lane, 9 * lane + 9), result]);
}

/** A whole table, then what looking up -128 … 127 in it gives. */
async function tableLines() {
  const table = Int8Array.from(list(256, int8));
  const values = Int8Array.from(list(256, (_, value) => value - 128));
  const layer = { kind: 'table', name: 'table', input: vector('x', 256), output: vector('y', 256), table };
  return [['table', ...table, ...(await runLayer(layer, [values]))]];
}

const lines = [];
for (let index = 0; index < layers; index += 1) {
  lines.push(...(await requantiseLines(index)), ...(await addLines(index)), ...(await multiplyLines(index)));
}
lines.push(...(await poolLines()), ...(await tableLines()));
const file = new URL('../test/golden/npu-arithmetic/cases.txt', import.meta.url);
const text = `${lines.map((line) => line.join(' ')).join('\n')}\n`;
if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('test/golden/npu-arithmetic/cases.txt is stale; run: node scripts/generate-npu-golden.mjs');
  process.exitCode = 1;
}
