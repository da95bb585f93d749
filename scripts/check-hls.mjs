// What an HLS compiler refuses must not get into the kernels of hls/: this reads them for it, compiles each file
// alone as C++14 in every spelling of hls/portability.hpp, and reads what clang makes of the tops.
//   node scripts/check-hls.mjs          exit code 1 names each line that breaks a rule
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultsOfTop } from './hls-ir.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

// Host code beside the kernels: test benches, references and what they need.
const hostOnly =
  /(^|\/)(tb\.cpp|reference\w*\.hpp|testing\.hpp|assemble\.hpp|random_\w+\.hpp|\w*_test\w*\.[ch]pp)$/;
const portability = 'hls/portability.hpp';
// Arithmetic that is synthesised and simulated on its own, and holds no loop.
const datapathFolders = new Set(['hls/requantise', 'hls/multiply', 'hls/elementwise']);

// Tops of the units, compiled for every configuration. Those that run instructions keep plans and registers in structs
// that a front end may fill and copy as blocks of constant length.
const unitTops = [
  { path: 'hls/transfer/top.cpp', blocks: false },
  { path: 'hls/execute/top.cpp', blocks: true },
  { path: 'hls/npu/top.cpp', blocks: true },
];
// For the datapaths, on which no configuration has a bearing.
const anyConfiguration = 'Ci';

const standardNames = new Set(['int8_t', 'int16_t', 'int32_t', 'int64_t', 'size_t']);
for (const name of ['uint8_t', 'uint16_t', 'uint32_t', 'uint64_t']) standardNames.add(name);

const refused = [
  [/\b(?:float|double)\b/, 'floating point'],
  [/\b(?:new|malloc|calloc|realloc|free)\b|(?<!=\s*)\bdelete\b/, 'dynamic memory'],
  [/\b(?:throw|try|catch)\b/, 'an exception'],
  [/\bvirtual\b/, 'a virtual call'],
  [/\bgoto\b/, 'goto'],
];

function sourcesUnder(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sourcesUnder(path);
    return /\.[ch]pp$/.test(entry.name) ? [path] : [];
  });
}

/** The text with comments blanked out, line by line as it was. */
function withoutComments(text) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/\/\/[^\n]*/g, '');
}

function faultsOfInclude(line) {
  const [, name] = /^\s*#\s*include\s+["<]([^">]+)[">]/.exec(line) ?? [];
  if (name === undefined || name === 'cstdint' || name === 'cstddef') return [];
  if (!name.startsWith('hls/'))
    return [`includes <${name}>, which is neither <cstdint>, <cstddef> nor of hls/`];
  return hostOnly.test(name) ? [`includes ${name}, which is host code`] : [];
}

function faultsOfLoops(line, previous, isDatapath) {
  if (isDatapath) return /\b(?:for|while|do)\b/.test(line) ? ['a loop in a datapath'] : [];
  if (/\bdo\b/.test(line)) return ['do: its bound is not seen; write a for with one'];
  const unbounded = /\bwhile\s*\(|\bfor\s*\([^;]*;\s*;/.test(line);
  if (!unbounded || /\/\/ bounded: \S/.test(previous)) return [];
  return ['a loop without a bound: write one, or say why it ends in a "// bounded: ..." on the line before'];
}

function faultsOfLine(line, previous, path) {
  const code = line.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const faults = [
    ...faultsOfInclude(line),
    ...faultsOfLoops(code, previous, datapathFolders.has(dirname(path))),
  ];
  for (const [pattern, what] of refused) if (pattern.test(code)) faults.push(what);
  for (const [, name] of code.matchAll(/\bstd::(\w+)/g)) {
    if (!standardNames.has(name))
      faults.push(`std::${name}, which is not a fixed-width integer or std::size_t`);
  }
  if (/^\s*#\s*pragma\b|\b_Pragma\b/.test(code)) faults.push(`a pragma outside ${portability}`);
  return faults;
}

function faultsOfText(path) {
  const text = readFileSync(join(root, path), 'utf8');
  const lines = text.split('\n');
  return withoutComments(text)
    .split('\n')
    .flatMap((line, index) =>
      faultsOfLine(line, lines[index - 1] ?? '', path).map((fault) => `${path}:${index + 1}: ${fault}`),
    );
}

function isInstalled(compiler) {
  return spawnSync(compiler, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/** Compiles each file alone, so that a header needs no include before it. */
function faultsOfCompiling(compiler, paths) {
  const options = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Werror'];
  // A header's constants are for those who include it.
  options.push('-Wno-unused-const-variable');
  // Tops are compiled for one configuration at a time.
  options.push('-DSLUICE_CONFIGURATION=Ci');
  // Pragmas of another compiler, and labels that only they refer to.
  const foreign = ['-Wno-unknown-pragmas', '-Wno-unused-label'];
  const spellings = [[], ['-DSLUICE_HLS_VITIS', ...foreign]];
  return paths.flatMap((path) =>
    spellings.flatMap((spelling) => {
      const args = ['-x', 'c++', '-std=c++14', '-fsyntax-only', '-I.', ...options, ...spelling, path];
      const { status, stderr } = spawnSync(compiler, args, { cwd: root, encoding: 'utf8' });
      return status === 0
        ? []
        : [`${path}: ${compiler} ${spelling[0] ?? ''} refuses it\n${stderr.trimEnd()}`];
    }),
  );
}

/** The structs of hls/config/generated, by name. */
function configurationNames() {
  const folder = join(root, 'hls', 'config', 'generated');
  return readdirSync(folder).flatMap((name) => {
    const [, struct] = /^struct (\w+) \{/m.exec(readFileSync(join(folder, name), 'utf8')) ?? [];
    return struct === undefined ? [] : [struct];
  });
}

/** Reads clang's intermediate code of every top. */
function faultsOfTops(compiler) {
  const units = configurationNames().flatMap((configuration) =>
    unitTops.map((top) => ({ ...top, configuration })),
  );
  const datapaths = [...datapathFolders].map((folder) => ({
    path: `${folder}/top.cpp`,
    configuration: anyConfiguration,
    blocks: false,
  }));
  const tops = [...datapaths, ...units];
  const faults = tops.flatMap((top) => faultsOfTop({ compiler, root, ...top }));
  console.log(
    `${tops.length} tops and configurations read as ${compiler} compiles them, ${faults.length} faults`,
  );
  return faults;
}

const sources = sourcesUnder('hls').filter((path) => !hostOnly.test(path));
const faults = sources.filter((path) => path !== portability).flatMap(faultsOfText);
for (const compiler of ['g++', 'clang++']) {
  if (isInstalled(compiler)) faults.push(...faultsOfCompiling(compiler, sources));
  else
    console.log(
      `SKIPPED: ${compiler} is not installed; ${sources.length} kernel sources were not compiled with it`,
    );
}
if (isInstalled('clang++')) faults.push(...faultsOfTops('clang++'));
else console.log('SKIPPED: clang++ is not installed; what it makes of the tops was not read');
for (const fault of faults) console.log(fault);
console.log(`${sources.length} kernel sources, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
