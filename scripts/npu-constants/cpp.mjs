// The C++ forms of the NPU's constants, and what reads and writes an instruction's fields.
import { configurationFolder, instructionsPath, sizeNames } from './sources.mjs';

const notice = (source, mark = '//') =>
  `${mark} Written by scripts/generate-npu-constants.mjs from ${source}; change that and run it again.`;
const guardOf = (path) => `SLUICE_${path.replace(/[^A-Za-z0-9]/g, '_').toUpperCase()}_`;
const camelToPascal = (name) => name[0].toUpperCase() + name.slice(1);
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
/** Name of a configuration's type. */
export const pascal = (name) =>
  name
    .split(/[-_]/)
    .map((part) => part[0].toUpperCase() + part.slice(1).toLowerCase())
    .join('');

function header(path, source, body) {
  return `${notice(source)}
#ifndef ${guardOf(path)}
#define ${guardOf(path)}

${body}

#endif  // ${guardOf(path)}
`;
}

function enumOf(name, members) {
  const lines = Object.entries(members).map(([key, value]) => `  k${pascal(key)} = ${value},`);
  return `enum class ${name} : std::uint32_t {\n${lines.join('\n')}\n};`;
}

const constant = ([name, value]) =>
  `constexpr std::${value < 0 ? 'int32_t' : 'uint32_t'} k${camelToPascal(name)} = ${value};`;

function fieldsOf(namespaceName, fields) {
  const names = fields.map(({ name }) => `k${camelToPascal(name)}`);
  const lines = fields.map(
    ({ lowBit, width, signed }, index) => `constexpr Field ${names[index]}{${lowBit}, ${width}, ${signed}};`,
  );
  const all = `constexpr Field kAll[] = {${names.join(', ')}};`;
  return `namespace ${namespaceName} {\n${lines.join('\n')}\n${all}\n}  // namespace ${namespaceName}`;
}

export function instructionsCpp(path, set) {
  const codes = Object.fromEntries(Object.entries(set.operations).map(([name, { code }]) => [name, code]));
  const body = [
    '#include <cstdint>',
    'namespace sluice {\nnamespace isa {',
    "// Where a field stands in the instruction's bits, and whether it is a two's complement number.\nstruct Field {\n  std::uint32_t low_bit;\n  std::uint32_t width;\n  bool is_signed;\n};",
    [
      ['version', set.version],
      ['instructionWords', set.bits / 64],
      ['instructionBytes', set.bits / 8],
      ...Object.entries(set.limits),
      ['parameterRecordBytes', set.parameterRecord.bytes],
      ['multiplierBits', set.parameterRecord.multiplierBits],
      ['shiftMin', set.parameterRecord.shiftMin],
      ['shiftMax', set.parameterRecord.shiftMax],
      ['tableEntries', set.table.entries],
      ['tableBytes', set.table.bytes],
      ['weightMin', set.arithmetic.weightMin],
      ['productsMax', set.arithmetic.productsMax],
    ]
      .map(constant)
      .join('\n'),
    enumOf('Operation', codes),
    enumOf('Unit', set.units),
    enumOf('Memory', set.memories),
    enumOf('Region', set.regions),
    fieldsOf('header', set.header),
    ...Object.entries(set.formats)
      .filter(([, fields]) => fields.length > 0)
      .map(([format, fields]) => fieldsOf(format, fields)),
    '}  // namespace isa\n}  // namespace sluice',
  ].join('\n\n');
  return header(path, instructionsPath, body);
}

function structOf(name, fields) {
  const lines = fields.map(
    (field) => `  std::${field.signed ? 'int32_t' : 'uint32_t'} ${snake(field.name)};  // ${field.meaning}`,
  );
  return `struct ${name} {\n${lines.join('\n')}\n};`;
}

function decodeOf(format, fields) {
  const name = camelToPascal(format);
  const lines = fields.map((field) => {
    const extract = field.signed ? 'ExtractSigned' : 'Extract';
    return `  fields.${snake(field.name)} = ${extract}<${field.lowBit}, ${field.width}>(words);`;
  });
  return `inline ${name} Decode${name}(const InstructionWords& words) {\n  ${name} fields{};\n${lines.join('\n')}\n  return fields;\n}`;
}

function unitOf(set) {
  const cases = Object.entries(set.operations).map(
    ([name, { unit }]) =>
      `    case Operation::k${pascal(name)}:\n      unit = Unit::k${pascal(unit)};\n      return true;`,
  );
  return `// The unit that runs an operation; false when there is no such operation.
inline bool UnitOf(std::uint32_t operation, Unit& unit) {
  switch (static_cast<Operation>(operation)) {
${cases.join('\n')}
  }
  return false;
}`;
}

/** Structs of each format and the functions that decode them. */
export function decodeCpp(path, set) {
  const formats = [['header', set.header], ...Object.entries(set.formats)].filter(
    ([, fields]) => fields.length > 0,
  );
  const body = [
    '#include <cstdint>\n\n#include "hls/isa/extract.hpp"\n#include "hls/isa/generated/instructions.hpp"',
    'namespace sluice {\nnamespace isa {',
    unitOf(set),
    ...formats.flatMap(([format, fields]) => [
      structOf(camelToPascal(format), fields),
      decodeOf(format, fields),
    ]),
    '}  // namespace isa\n}  // namespace sluice',
  ].join('\n\n');
  return header(path, instructionsPath, body);
}

/** What writes instructions, for test benches and fuzzers; the compiler's encoder is TypeScript. */
export function assembleCpp(path, set) {
  const functions = Object.entries(set.operations).map(([name, { format }]) => {
    const fields = set.formats[format];
    const parameter = fields.length > 0 ? `const ${camelToPascal(format)}& fields` : '';
    const lines = fields.map(
      (field) => `  Place(words, ${format}::k${camelToPascal(field.name)}, fields.${snake(field.name)});`,
    );
    return `inline InstructionWords Assemble${pascal(name)}(${parameter}) {\n  InstructionWords words{};\n  Place(words, header::kOperation, static_cast<std::int64_t>(Operation::k${pascal(name)}));\n${lines.join('\n')}${lines.length > 0 ? '\n' : ''}  return words;\n}`;
  });
  const body = [
    '#include <cstdint>\n\n#include "hls/isa/generated/decode.hpp"',
    'namespace sluice {\nnamespace isa {',
    ...functions,
    '}  // namespace isa\n}  // namespace sluice',
  ].join('\n\n');
  return header(path, instructionsPath, body);
}

export function configurationCpp(path, { configuration, hash }) {
  const sizes = [...sizeNames, 'clockMhz'].map((key) => [key, configuration[key]]);
  const timing = Object.entries(configuration.timing).filter(([, value]) => typeof value === 'number');
  const member = ([key, value]) => `static constexpr std::uint32_t k${camelToPascal(key)} = ${value};`;
  const bytes = hash.match(/../g).map((digits) => `0x${digits}`);
  const rows = [0, 8, 16, 24].map((start) => `      ${bytes.slice(start, start + 8).join(', ')}`);
  const body = `#include <cstdint>

namespace sluice {
namespace configurations {

// ${configuration.description}
struct ${pascal(configuration.name)} {
  static constexpr char kName[] = "${configuration.name}";
${sizes.map((entry) => `  ${member(entry)}`).join('\n')}
  // Width of a multiplier's larger operand; no program depends on it.
  ${member(['multiplierPortBits', configuration.board.multiplierPortBits])}
  // What the timed simulation assumes; calibrated: ${configuration.timing.calibrated}.
${timing.map((entry) => `  ${member(entry)}`).join('\n')}
  static constexpr std::uint8_t kHash[32] = {
${rows.join(',\n')}};
};

}  // namespace configurations
}  // namespace sluice`;
  return header(path, `${configurationFolder}/${configuration.name}.json`, body);
}

export function configurationListCpp(path, configurations) {
  const names = configurations.map(({ configuration }) => configuration.name);
  const body = `${names.map((name) => `#include "hls/config/generated/${name}.hpp"`).join('\n')}

// Calls APPLY with each configuration's type.
#define SLUICE_FOR_EACH_CONFIGURATION(APPLY) \\
${names.map((name) => `  APPLY(::sluice::configurations::${pascal(name)})`).join(' \\\n')}`;
  return header(path, `${configurationFolder}/*.json`, body);
}

export function configurationListCmake(configurations) {
  const names = configurations.map(({ configuration }) => pascal(configuration.name));
  return `${notice(`${configurationFolder}/*.json`, '#')}\nset(sluice_configurations ${names.join(' ')})\n`;
}
