// Writes the C++ and TypeScript constants of the NPU from hls/isa/instructions.json and hls/config/*.json.
//   node scripts/generate-npu-constants.mjs            writes what is stale
//   node scripts/generate-npu-constants.mjs --check    writes nothing; exit code 1 names each stale file
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const instructionsPath = 'hls/isa/instructions.json';
const configurationFolder = 'hls/config';
const wordBits = 64;
const notice = (source) =>
  `// Written by scripts/generate-npu-constants.mjs from ${source}; change that and run it again.`;

/** JSON with sorted keys and no spaces: the same facts always give the same text. */
function canonicalJson(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(',')}}`;
}

function withoutComments(value) {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'comment');
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutComments(member)]));
}

/**
 * SHA-256 over what a program may assume: the whole instruction set and every size of the
 * configuration. Name, description and clock leave a program's meaning alone, so they are not in it.
 */
function hashOf(instructionSet, configuration) {
  const { name: _name, description: _description, clockMhz: _clockMhz, ...sizes } = configuration;
  const facts = { configuration: sizes, instructionSet: withoutComments(instructionSet) };
  return createHash('sha256').update(canonicalJson(facts)).digest('hex');
}

/** Refuses fields that leave their word or overlap another field of the same instruction. */
function checkFields(instructionSet) {
  for (const format of ['transfer', 'gemm']) {
    const used = new Array(instructionSet.bits / wordBits).fill(0n);
    for (const [name, [word, low, width]] of Object.entries({
      ...instructionSet.header,
      ...instructionSet[format],
    })) {
      const mask = ((1n << BigInt(width)) - 1n) << BigInt(low);
      if (low + width > wordBits || used[word] === undefined || (used[word] & mask) !== 0n) {
        throw new Error(`${instructionsPath}: ${format}.${name} leaves its word or overlaps another field`);
      }
      used[word] |= mask;
    }
  }
}

/** Refuses sizes that the instruction fields cannot address. */
function checkConfiguration(instructionSet, configuration) {
  const reachable = (format, field) => 2 ** instructionSet[format][field][2];
  const bounds = {
    activationWords: reachable('gemm', 'activationAddress'),
    weightTiles: reachable('gemm', 'weightAddress'),
    parameterRecords: reachable('gemm', 'parameterAddress'),
  };
  for (const [size, bound] of Object.entries(bounds)) {
    if (!(configuration[size] >= 1 && configuration[size] <= bound)) {
      throw new Error(
        `${configurationFolder}/${configuration.name}.json: ${size} is ${configuration[size]}, 1 to ${bound} expected`,
      );
    }
  }
  if (configuration.block !== 16) {
    throw new Error(`${configurationFolder}/${configuration.name}.json: block must be 16, one beat of bytes`);
  }
}

const pascal = (name) =>
  name
    .split(/[-_]/)
    .map((part) => part[0].toUpperCase() + part.slice(1).toLowerCase())
    .join('');
const camelToPascal = (name) => name[0].toUpperCase() + name.slice(1);

function typeScriptRecord(name, comment, record) {
  const value = (member) => (Array.isArray(member) ? `[${member.join(', ')}]` : String(member));
  const lines = Object.entries(record).map(([key, member]) => `  ${key}: ${value(member)},`);
  return `/** ${comment} */\nexport const ${name} = {\n${lines.join('\n')}\n} as const;`;
}

function instructionsTypeScript(set) {
  const field = 'as `[64-bit word, lowest bit, width]`';
  return `${[
    notice(instructionsPath),
    `/** Version of the instruction set; part of every hardware hash. */\nexport const instructionSetVersion = ${set.version};`,
    typeScriptRecord('operationCodes', 'What an instruction does.', set.operations),
    typeScriptRecord('unitCodes', 'Which unit runs it; tokens pass between neighbours.', set.units),
    typeScriptRecord('memoryCodes', 'On-chip memories that a transfer names.', set.memories),
    typeScriptRecord('regionCodes', 'Off-chip regions that a transfer names.', set.regions),
    typeScriptRecord(
      'instructionLimits',
      'Most instructions of a program, and tokens that one queue holds.',
      set.limits,
    ),
    typeScriptRecord('headerFields', `Fields of every instruction, ${field}.`, set.header),
    typeScriptRecord('transferFields', `Fields of LOAD and STORE, ${field}.`, set.transfer),
    typeScriptRecord('gemmFields', `Fields of GEMM, ${field}.`, set.gemm),
    `/** Fields that hold a two's complement number. */\nexport const signedFields = [${set.signedFields
      .map((name) => `'${name}'`)
      .join(', ')}] as const;`,
    typeScriptRecord(
      'parameterRecordLayout',
      'Bytes of a channel record and the bounds of its scale.',
      withoutComments(set.parameterRecord),
    ),
  ].join('\n\n')}\n`;
}

function hardwareTypeScript(configurations) {
  const entries = configurations.map(({ configuration, hash }) => {
    const { description: _description, ...facts } = configuration;
    const lines = Object.entries({ ...facts, hash }).map(
      ([key, value]) => `    ${key}: ${typeof value === 'string' ? `'${value}'` : value},`,
    );
    return `  '${configuration.name}': {\n${lines.join('\n')}\n  },`;
  });
  return `${notice(`${configurationFolder}/*.json`)}

/** Sizes of one NPU; each is the length of an array in its hardware. */
export interface HardwareConfiguration {
  name: string;
  /** Input lanes, output lanes, and int8 bytes of an activation word. */
  block: number;
  /** Rows computed at once. */
  pixelParallel: number;
  /** Words of activation memory. */
  activationWords: number;
  /** Tiles of block x block weights in weight memory. */
  weightTiles: number;
  /** Channel records in parameter memory. */
  parameterRecords: number;
  clockMhz: number;
  /** 64 hexadecimal digits; a program carries the hash of the hardware it was compiled for. */
  hash: string;
}

/** Every NPU there is, by name. */
export const hardwareConfigurations: Readonly<Record<string, HardwareConfiguration>> = {
${entries.join('\n')}
};
`;
}

const guardOf = (path) => `SLUICE_${path.replace(/[^A-Za-z0-9]/g, '_').toUpperCase()}_`;

function cppHeader(path, source, body) {
  return `${notice(source)}
#ifndef ${guardOf(path)}
#define ${guardOf(path)}

${body}

#endif  // ${guardOf(path)}
`;
}

function cppEnum(name, record) {
  const lines = Object.entries(record).map(([key, value]) => `  k${pascal(key)} = ${value},`);
  return `enum class ${name} : std::uint32_t {\n${lines.join('\n')}\n};`;
}

function cppFields(namespaceName, record) {
  const names = Object.keys(record).map((key) => `k${camelToPascal(key)}`);
  const lines = Object.values(record).map(
    (field, index) => `constexpr Field ${names[index]}{${field.join(', ')}};`,
  );
  const all = `constexpr Field kAll[] = {${names.join(', ')}};`;
  return `namespace ${namespaceName} {\n${lines.join('\n')}\n${all}\n}  // namespace ${namespaceName}`;
}

function instructionsCpp(path, set) {
  const { bytes, multiplierBits, shiftMin, shiftMax } = set.parameterRecord;
  const body = [
    '#include <cstdint>',
    'namespace sluice {\nnamespace isa {',
    '// Where a field stands in the instruction: 64-bit word, lowest bit, width in bits.\nstruct Field {\n  std::uint32_t word;\n  std::uint32_t low_bit;\n  std::uint32_t width;\n};',
    `constexpr std::uint32_t kVersion = ${set.version};
constexpr std::uint32_t kInstructionWords = ${set.bits / wordBits};
constexpr std::uint32_t kInstructionBytes = ${set.bits / 8};
${Object.entries(set.limits)
  .map(([key, value]) => `constexpr std::uint32_t k${camelToPascal(key)} = ${value};`)
  .join('\n')}
constexpr std::uint32_t kParameterRecordBytes = ${bytes};
constexpr std::uint32_t kMultiplierBits = ${multiplierBits};
constexpr std::uint32_t kShiftMin = ${shiftMin};
constexpr std::uint32_t kShiftMax = ${shiftMax};`,
    cppEnum('Operation', set.operations),
    cppEnum('Unit', set.units),
    cppEnum('Memory', set.memories),
    cppEnum('Region', set.regions),
    cppFields('header', set.header),
    cppFields('transfer', set.transfer),
    cppFields('gemm', set.gemm),
    '}  // namespace isa\n}  // namespace sluice',
  ].join('\n\n');
  return cppHeader(path, instructionsPath, body);
}

function configurationCpp(path, { configuration, hash }) {
  const sizes = Object.entries(configuration).filter(([, value]) => typeof value === 'number');
  const bytes = hash.match(/../g).map((digits) => `0x${digits}`);
  const rows = [0, 8, 16, 24].map((start) => `      ${bytes.slice(start, start + 8).join(', ')}`);
  const body = `#include <cstdint>

namespace sluice {
namespace configurations {

// ${configuration.description}
struct ${pascal(configuration.name)} {
  static constexpr char kName[] = "${configuration.name}";
${sizes
  .map(([key, value]) => `  static constexpr std::uint32_t k${camelToPascal(key)} = ${value};`)
  .join('\n')}
  static constexpr std::uint8_t kHash[32] = {
${rows.join(',\n')}};
};

}  // namespace configurations
}  // namespace sluice`;
  return cppHeader(path, `${configurationFolder}/${configuration.name}.json`, body);
}

function configurationListCpp(path, configurations) {
  const names = configurations.map(({ configuration }) => configuration.name);
  const body = `${names.map((name) => `#include "hls/config/generated/${name}.hpp"`).join('\n')}

// Calls APPLY with each configuration's type.
#define SLUICE_FOR_EACH_CONFIGURATION(APPLY) \\
${names.map((name) => `  APPLY(::sluice::configurations::${pascal(name)})`).join(' \\\n')}`;
  return cppHeader(path, `${configurationFolder}/*.json`, body);
}

function configurationListCmake(configurations) {
  const names = configurations.map(({ configuration }) => pascal(configuration.name));
  const lines = notice(`${configurationFolder}/*.json`).replace('//', '#');
  return `${lines}\nset(sluice_configurations ${names.join(' ')})\n`;
}

/** Path and text of every generated file. */
function generate() {
  const set = JSON.parse(readFileSync(join(root, instructionsPath), 'utf8'));
  checkFields(set);
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
  const files = new Map();
  files.set('contract/npu/instructions.generated.ts', instructionsTypeScript(set));
  files.set('contract/npu/hardware.generated.ts', hardwareTypeScript(configurations));
  const isaPath = 'hls/isa/generated/instructions.hpp';
  files.set(isaPath, instructionsCpp(isaPath, set));
  for (const entry of configurations) {
    const path = `${configurationFolder}/generated/${entry.configuration.name}.hpp`;
    files.set(path, configurationCpp(path, entry));
  }
  const listPath = `${configurationFolder}/generated/configurations.hpp`;
  files.set(listPath, configurationListCpp(listPath, configurations));
  const cmakePath = `${configurationFolder}/generated/configurations.cmake`;
  files.set(cmakePath, configurationListCmake(configurations));
  return files;
}

function main() {
  const files = generate();
  const stale = [...files].filter(([path, text]) => {
    const absolute = join(root, path);
    return !existsSync(absolute) || readFileSync(absolute, 'utf8') !== text;
  });
  if (process.argv.includes('--check')) {
    for (const [path] of stale) {
      console.error(`${path} is stale; run: node scripts/generate-npu-constants.mjs`);
    }
    process.exitCode = stale.length === 0 ? 0 : 1;
    return;
  }
  for (const [path, text] of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(`wrote ${path}`);
  }
}

main();
