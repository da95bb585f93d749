// The TypeScript forms of the NPU's constants.
import { configurationFolder, instructionsPath, sizeNames } from './sources.mjs';

const notice = (source) =>
  `// Written by scripts/generate-npu-constants.mjs from ${source}; change that and run it again.`;

const pascal = (name) => name[0].toUpperCase() + name.slice(1);

function record(name, comment, members) {
  const lines = Object.entries(members).map(([key, value]) => `  ${key}: ${value},`);
  return `/** ${comment} */\nexport const ${name} = {\n${lines.join('\n')}\n} as const;`;
}

/** A field whose value is a name instead of a number. */
const namedFields = { region: 'RegionName', memory: 'MemoryName' };

function bodyInterface(format, fields) {
  const lines = fields.map(
    ({ name, meaning }) => `  /** ${meaning} */\n  ${name}: ${namedFields[name] ?? 'number'};`,
  );
  return `/** Fields of the format ${format}. */\nexport interface ${pascal(format)}Fields {\n${lines.join('\n')}\n}`;
}

function fieldList(name, comment, fields) {
  const lines = fields.map(
    (field) =>
      `  { name: '${field.name}', lowBit: ${field.lowBit}, width: ${field.width}, signed: ${field.signed} },`,
  );
  return `/** ${comment} */\nexport const ${name}: readonly InstructionField[] = [\n${lines.join('\n')}\n];`;
}

function operationRecord(set) {
  const members = Object.entries(set.operations).map(([name, { code, unit, format }]) => [
    name,
    `{ code: ${code}, unit: '${unit}', format: '${format}' }`,
  ]);
  return record(
    'operations',
    'Code, unit and format of each operation; tokens pass between neighbouring units.',
    Object.fromEntries(members),
  );
}

export function instructionsTypeScript(set) {
  const formats = Object.entries(set.formats);
  return `${[
    notice(instructionsPath),
    `/** Version of the instruction set; part of every hardware hash. */\nexport const instructionSetVersion = ${set.version};`,
    operationRecord(set),
    record('unitCodes', 'Units, in the order of their tokens.', set.units),
    record('memoryCodes', 'On-chip memories that a transfer names.', set.memories),
    record('regionCodes', 'Off-chip regions that a transfer names.', set.regions),
    '/** Name of an on-chip memory. */\nexport type MemoryName = keyof typeof memoryCodes;',
    '/** Name of an off-chip region. */\nexport type RegionName = keyof typeof regionCodes;',
    record(
      'instructionLimits',
      'Most instructions of a program, and tokens that one queue holds.',
      set.limits,
    ),
    "/** Where a field stands in the 256 bits, and whether it is a two's complement number. */\nexport interface InstructionField {\n  name: string;\n  lowBit: number;\n  width: number;\n  signed: boolean;\n}",
    fieldList('headerFields', 'Fields of every instruction.', set.header),
    ...formats
      .filter(([, fields]) => fields.length > 0)
      .map(([format, fields]) => bodyInterface(format, fields)),
    ...formats.map(([format, fields]) =>
      fieldList(`${format}Fields`, `Where the fields of the format ${format} stand.`, fields),
    ),
    record(
      'parameterRecordLayout',
      'Bytes of a channel record and the bounds of its scale.',
      without(set.parameterRecord),
    ),
    record(
      'tableLayout',
      'A table: int32 entries, one for each int8 value from -128 on.',
      without(set.table),
    ),
    record('arithmeticLimits', 'Least weight, and most products of one sum.', without(set.arithmetic)),
  ].join('\n\n')}\n`;
}

function without({ comment: _comment, ...facts }) {
  return facts;
}

const quotedValue = (value) => (typeof value === 'string' ? `'${value}'` : value);

function configurationEntry({ configuration, hash }) {
  const { board, timing } = configuration;
  const group = (members) =>
    `{ ${Object.entries(members)
      .map(([key, value]) => `${key}: ${quotedValue(value)}`)
      .join(', ')} }`;
  const lines = [
    ...['name', ...sizeNames, 'clockMhz'].map((key) => `    ${key}: ${quotedValue(configuration[key])},`),
    `    board: ${group(board)},`,
    `    timing: ${group(timing)},`,
    `    hash: '${hash}',`,
  ];
  return `  '${configuration.name}': {\n${lines.join('\n')}\n  },`;
}

export function hardwareTypeScript(configurations) {
  return `${notice(`${configurationFolder}/*.json`)}

/** Sizes of one NPU; each is the length of an array in its hardware. */
export interface HardwareConfiguration {
  name: string;
  /** Input lanes of the array, and int8 bytes of an activation word and of a beat. */
  inputParallel: number;
  /** Output lanes of the array; equal to inputParallel. */
  outputParallel: number;
  /** Columns computed at once, and words of a line of activation memory. */
  pixelParallel: number;
  /** Words that requantiser, tables and element-wise lanes finish in a clock. */
  vectorParallel: number;
  /** Lines of activation memory, pixelParallel words each. */
  activationLines: number;
  /** Tiles of outputParallel x inputParallel weights in weight memory. */
  weightTiles: number;
  /** Blocks of outputParallel channel records in parameter memory. */
  parameterBlocks: number;
  /** Tables of 256 int32 entries. */
  tableSlots: number;
  clockMhz: number;
  /** What the part holds, and where the big memories lie. */
  board: {
    part: string;
    dsp: number;
    /** Width of a multiplier's larger operand: 27 in UltraScale+, 25 in the 7 series. */
    multiplierPortBits: number;
    bram36: number;
    uram: number;
    lut: number;
    activationStorage: 'bram' | 'uram';
    weightStorage: 'bram' | 'uram';
    /** NPUs of this size that one board carries. */
    computeUnits: number;
  };
  /** What the timed simulation assumes. */
  timing: {
    /** What the figures were fitted to; 'none' until RTL or a board has been measured. */
    calibrated: string;
    dispatchCycles: number;
    executeFillCycles: number;
    memoryLatencyCycles: number;
    burstBeatsMax: number;
    /** 10^6 bytes a second that LOAD and STORE share. */
    memoryMegabytesPerSecond: number;
  };
  /** 64 hexadecimal digits; a program carries the hash of the hardware it was compiled for. */
  hash: string;
}

/** Every NPU there is, by name. */
export const hardwareConfigurations: Readonly<Record<string, HardwareConfiguration>> = {
${configurations.map(configurationEntry).join('\n')}
};
`;
}
