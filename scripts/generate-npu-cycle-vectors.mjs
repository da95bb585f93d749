// Writes test/golden/npu-cycles/*.csv: what the cycle formulas of compiler/estimate/cycles.ts, hls/isa/geometry.hpp
// and native/core/timing must give. Nothing here uses those formulas: banks, tiles, beats and bursts are counted
// one by one, from the prose of hls/isa/README.md and docs/reference/npu-performance.md.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'test', 'golden', 'npu-cycles');
const outstandingBursts = 16;

const configurations = readdirSync(join(root, 'hls', 'config'))
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => JSON.parse(readFileSync(join(root, 'hls', 'config', name), 'utf8')));

let state = 20261124n;
/** Uniform from least to most, both included; the same numbers on every run (xorshift64). */
function between(least, most) {
  state ^= (state << 13n) & 0xffffffffffffffffn;
  state ^= state >> 7n;
  state ^= (state << 17n) & 0xffffffffffffffffn;
  return least + Number((state >> 20n) % BigInt(most - least + 1));
}

/** Clocks in which the P lanes read their columns, one column of a bank a clock. */
function clocksOfOneStep(pixelParallel, strideColumns) {
  const reads = new Array(pixelParallel).fill(0);
  for (let lane = 0; lane < pixelParallel; lane += 1) reads[(lane * strideColumns) % pixelParallel] += 1;
  return Math.max(...reads);
}

function countExecute(work, configuration) {
  const { pixelParallel, vectorParallel, inputParallel, outputParallel } = configuration;
  let drain = 0;
  for (let word = 0; word < pixelParallel; word += vectorParallel) drain += 1;
  const windowed = work.operation === 'CONVOLVE' || work.operation === 'POOL';
  const clocks = windowed ? clocksOfOneStep(pixelParallel, work.strideColumns) : 1;
  let [tiles, cycles, products] = [0, 0, 0];
  for (let block = 0; block < work.outputBlocks; block += 1) {
    for (let row = 0; row < work.outputRows; row += 1) {
      for (let column = 0; column < work.outputColumns; column += pixelParallel) {
        let steps = windowed ? 0 : 2;
        for (let tap = 0; windowed && tap < work.kernelRows * work.kernelColumns; tap += 1) {
          steps += work.operation === 'CONVOLVE' ? work.inputBlocks : 1;
        }
        tiles += 1;
        cycles += Math.max(steps * clocks, drain);
        if (work.operation !== 'CONVOLVE') continue;
        products += steps * pixelParallel * inputParallel * (work.depthwise ? 1 : outputParallel);
      }
    }
  }
  return { tiles, cycles: cycles + drain, products };
}

function* beatsOf(transfer, wordBytes) {
  const { memory, columns, rows, blocks, dramRowPitch, dramBlockPitch } = transfer;
  if (memory !== 'ACTIVATION') {
    const itemBytes = { WEIGHT: wordBytes * wordBytes, PARAMETER: 8 * wordBytes, TABLE: 1024 }[memory];
    for (let beat = 0; beat < (rows * itemBytes) / wordBytes; beat += 1) yield beat;
    return;
  }
  for (let block = 0; block < blocks; block += 1)
    for (let row = 0; row < rows; row += 1)
      for (let column = 0; column < columns; column += 1)
        yield block * dramBlockPitch + row * dramRowPitch + column;
}

function countTransfer(transfer, { inputParallel, timing }) {
  const bursts = [];
  let [previous, beats] = [Number.NaN, 0];
  for (const beat of beatsOf(transfer, inputParallel)) {
    beats += 1;
    const last = bursts.length - 1;
    if (beat === previous + 1 && bursts[last] < timing.burstBeatsMax) bursts[last] += 1;
    else bursts.push(1);
    previous = beat;
  }
  let cycles = timing.memoryLatencyCycles;
  for (const burst of bursts) {
    let passing = 0;
    // A beat of a table brings several int32, and every copy of the tables takes one a clock.
    for (let beat = 0; beat < burst; beat += 1)
      for (let byte = 0; byte < inputParallel; byte += 4)
        passing += transfer.memory === 'TABLE' || byte === 0 ? 1 : 0;
    cycles += Math.max(passing, Math.ceil((timing.memoryLatencyCycles + passing) / outstandingBursts));
  }
  return { beats, cycles };
}

function randomExecute() {
  const operation = ['CONVOLVE', 'CONVOLVE', 'POOL', 'ADD', 'MULTIPLY'][between(0, 4)];
  const windowed = operation === 'CONVOLVE' || operation === 'POOL';
  const depthwise = operation === 'CONVOLVE' && between(0, 2) === 0 ? 1 : 0;
  return {
    operation,
    outputBlocks: between(1, 12),
    outputRows: between(1, 20),
    outputColumns: between(1, 60),
    kernelRows: windowed ? between(1, 7) : 1,
    kernelColumns: windowed ? between(1, 7) : 1,
    inputBlocks: operation === 'CONVOLVE' && depthwise === 0 ? between(1, 9) : 1,
    strideColumns: windowed ? between(1, 7) : 1,
    depthwise,
  };
}

// Gaps between blocks only, between rows too, or nowhere. A gap behind the last row alone never counts.
function randomTransfer() {
  const memory = ['ACTIVATION', 'ACTIVATION', 'ACTIVATION', 'WEIGHT', 'PARAMETER', 'TABLE'][between(0, 5)];
  if (memory !== 'ACTIVATION') {
    const rows = memory === 'WEIGHT' ? between(1, 200) : between(1, 4);
    return { memory, columns: 1, rows, blocks: 1, dramRowPitch: 0, dramBlockPitch: 0 };
  }
  const [columns, rows, blocks] = [between(1, 90), between(1, 12), between(1, 6)];
  const dramRowPitch = columns + (between(0, 2) === 0 ? between(1, 9) : 0);
  const blockBeats = rows * dramRowPitch;
  const dramBlockPitch = blockBeats + (between(0, 2) === 0 ? between(1, 90) : 0);
  return { memory, columns, rows, blocks, dramRowPitch, dramBlockPitch };
}

function writeTable(name, count, make, measure) {
  const rows = [];
  for (const configuration of configurations) {
    for (let index = 0; index < count; index += 1) {
      const work = make();
      rows.push({ configuration: configuration.name, ...work, ...measure(work, configuration) });
    }
  }
  const lines = [Object.keys(rows[0]).join(','), ...rows.map((row) => Object.values(row).join(','))];
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
}

mkdirSync(folder, { recursive: true });
writeTable('execute.csv', 60, randomExecute, countExecute);
writeTable('transfer.csv', 60, randomTransfer, countTransfer);
