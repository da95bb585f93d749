// Reads and checks hls/isa/instructions.json and hls/config/*.json.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const instructionsPath = 'hls/isa/instructions.json';
export const configurationFolder = 'hls/config';

/** Sizes that a program may assume; they and the instruction set make the hardware hash. */
export const sizeNames = [
  'inputParallel',
  'outputParallel',
  'pixelParallel',
  'vectorParallel',
  'activationLines',
  'weightTiles',
  'parameterBlocks',
  'tableSlots',
];

/** JSON with sorted keys and no spaces: the same facts always give the same text. */
function canonicalJson(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(',')}}`;
}

/** The same without comments and without what fields mean in words. */
function factsOf(value) {
  if (Array.isArray(value)) return value.map(factsOf);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'comment');
  return Object.fromEntries(kept.map(([key, member]) => [key, factsOf(member)]));
}

/** SHA-256 over what a program may assume: the whole instruction set and every size. */
function hashOf(set, configuration) {
  const sizes = Object.fromEntries(sizeNames.map((name) => [name, configuration[name]]));
  const layouts = Object.fromEntries(
    Object.entries({ header: set.header, ...set.formats }).map(([name, fields]) => [
      name,
      fields.map(({ name, lowBit, width, signed }) => [name, lowBit, width, signed]),
    ]),
  );
  const { header: _header, formats: _formats, ...rest } = set;
  const facts = { configuration: sizes, instructionSet: factsOf({ ...rest, layouts }) };
  return createHash('sha256').update(canonicalJson(facts)).digest('hex');
}

/** Gives each field of a list its lowest bit. */
function placed(fields, firstBit) {
  let lowBit = firstBit;
  return fields.map(([name, width, meaning, sign]) => {
    const field = { name, lowBit, width, meaning, signed: sign === 'signed' };
    lowBit += width;
    return field;
  });
}

const endOf = (fields) => fields.reduce((sum, { width }) => sum + width, 0);

function readInstructionSet(root) {
  const set = JSON.parse(readFileSync(join(root, instructionsPath), 'utf8'));
  const header = placed(set.header, 0);
  const formats = Object.fromEntries(
    Object.entries(set.formats).map(([name, fields]) => [name, placed(fields, endOf(header))]),
  );
  for (const [name, fields] of Object.entries(formats)) {
    const bits = endOf(header) + endOf(fields);
    if (bits > set.bits)
      throw new Error(`${instructionsPath}: ${name} has ${bits} bits, at most ${set.bits}`);
    const wide = fields.find(({ width }) => !(width >= 1 && width <= 32));
    if (wide !== undefined)
      throw new Error(`${instructionsPath}: ${name}.${wide.name} must have 1 to 32 bits`);
  }
  return { ...set, header, formats };
}

const widthOf = (set, format, name) => set.formats[format].find((field) => field.name === name).width;

/** Refuses sizes that the instruction fields cannot address or the arithmetic does not allow. */
function checkConfiguration(set, configuration) {
  const path = `${configurationFolder}/${configuration.name}.json`;
  const reachable = (format, field) => 2 ** widthOf(set, format, field);
  const bounds = {
    pixelParallel: 16,
    vectorParallel: configuration.pixelParallel,
    activationLines: reachable('convolution', 'inputAddress'),
    weightTiles: reachable('convolution', 'weightAddress'),
    parameterBlocks: reachable('convolution', 'parameterAddress'),
    tableSlots: reachable('convolution', 'table') - 1,
  };
  for (const [size, bound] of Object.entries(bounds)) {
    if (
      !(Number.isInteger(configuration[size]) && configuration[size] >= 1 && configuration[size] <= bound)
    ) {
      throw new Error(`${path}: ${size} is ${configuration[size]}, 1 to ${bound} expected`);
    }
  }
  // Eight products share one packed sum, and a channel record has eight bytes.
  if (![8, 16].includes(configuration.inputParallel))
    throw new Error(`${path}: inputParallel must be 8 or 16`);
  if (![25, 27].includes(configuration.board.multiplierPortBits)) {
    throw new Error(`${path}: board.multiplierPortBits must be 25 or 27`);
  }
  // An activation word is the result of one output block and an operand of the next layer.
  if (configuration.outputParallel !== configuration.inputParallel) {
    throw new Error(`${path}: outputParallel must be inputParallel`);
  }
}

/** The instruction set with placed fields, and each configuration with its hash. */
export function readSources(root) {
  const set = readInstructionSet(root);
  const configurations = readdirSync(join(root, configurationFolder))
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const configuration = JSON.parse(readFileSync(join(root, configurationFolder, file), 'utf8'));
      if (`${configuration.name}.json` !== file)
        throw new Error(`${configurationFolder}/${file}: wrong name`);
      checkConfiguration(set, configuration);
      return { configuration, hash: hashOf(set, configuration) };
    });
  return { set, configurations };
}
