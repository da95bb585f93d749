// Builds the native addon, when something it is made of has changed since the last build.
//   node scripts/build-native.mjs           build/native/Release/sluice_native.node
//   node scripts/build-native.mjs --tests   the C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer, those
//                                           with threads also with ThreadSanitizer; ends with "N passed, N failed"
//   node scripts/build-native.mjs --fuzz [seconds]   libFuzzer on the program loader, from native/fuzz/corpus and
//                                           right programs; needs clang (Debian: apt install clang libclang-rt-dev)
// Needs a C++ compiler and what npm has installed; CMake and Ninja come from npm where the machine has none.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const buildFolder = join(root, 'build', 'native');
const addonPath = join(buildFolder, 'Release', 'sluice_native.node');
const stampPath = join(buildFolder, 'inputs.sha256');
const testFolder = join(root, 'build', 'native-tests');
const threadTestFolder = join(root, 'build', 'native-thread-tests');
const fuzzFolder = join(root, 'build', 'native-fuzz');
const corpusFolder = join(root, 'native', 'fuzz', 'corpus');
const fuzzSecondsDefault = 60;
const toolsFolder = join(root, 'scripts', 'build-tools');
const sourceEndings = ['.cpp', '.hpp', '.txt', '.cmake'];
// Its presence decides whether the XRT device is built.
const xrtHeaders = ['/usr/include/xrt', '/opt/xilinx/xrt/include'].map((folder) =>
  join(folder, 'xrt', 'xrt_device.h'),
);
const buildPackages = ['cmake-js', 'node-addon-api', 'node-api-headers'];
const parallel = availableParallelism();

function fail(message) {
  console.error(`native build: ${message}`);
  process.exit(1);
}

function sourcesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesUnder(path);
    const counts = entry.name === 'package.json' || sourceEndings.some((end) => entry.name.endsWith(end));
    return counts ? [path] : [];
  });
}

/** SHA-256 of everything that decides what the addon is: sources, build packages, platform. */
function hashOfInputs() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  hash.update(`XRT ${xrtHeaders.map(existsSync)}\n`);
  for (const name of buildPackages) {
    const manifest = join(root, 'node_modules', name, 'package.json');
    if (!existsSync(manifest)) fail(`the package ${name} is missing; run npm install`);
    hash.update(`${name} ${JSON.parse(readFileSync(manifest, 'utf8')).version}\n`);
  }
  const files = [...sourcesUnder(join(root, 'native')), ...sourcesUnder(join(root, 'hls'))];
  for (const file of [...files, fileURLToPath(import.meta.url)].sort()) {
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    hash.update(`${relative(root, file)} ${digest}\n`);
  }
  return hash.digest('hex');
}

function answers(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function requireTools() {
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter((name) => name);
  if (process.platform !== 'win32' && !compilers.some(answers)) {
    fail(
      'no C++20 compiler (g++ or clang++) found; install one ' +
        '(Debian: apt install g++; macOS: xcode-select --install), then npm run build',
    );
  }
  if (!answers('cmake') || !(answers('ninja') || answers('make'))) useToolsFromNpm();
}

/** CMake and Ninja are npm packages too: a machine with a compiler needs nothing else. */
function useToolsFromNpm() {
  const packages = join(toolsFolder, 'node_modules');
  const folders = ['cmake', 'ninja'].map((name) =>
    join(packages, `${name}-runtime-${process.platform}-${process.arch}`, 'bin'),
  );
  if (!folders.every(existsSync)) {
    console.log('build      no CMake here: installing CMake and Ninja from npm for this build');
    const npm = spawnSync(
      'npm',
      ['ci', '--prefix', toolsFolder, '--no-audit', '--no-fund', '--loglevel=error'],
      {
        cwd: toolsFolder,
        stdio: 'inherit',
        shell: process.platform === 'win32',
      },
    );
    if (npm.status !== 0 || !folders.every(existsSync)) {
      fail(
        'CMake could not be installed from npm; install it (Debian: apt install cmake make), then npm run build',
      );
    }
  }
  process.env.PATH = [...folders, process.env.PATH].join(delimiter);
}

/** Runs a build step quietly; its output is shown only when it fails. */
function run(command, parameters) {
  const outcome = spawnSync(command, parameters, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (outcome.status === 0) return;
  process.stderr.write(`${outcome.stdout ?? ''}${outcome.stderr ?? ''}`);
  fail(
    `${command} ${parameters[0] ?? ''} failed (${outcome.error?.message ?? `exit code ${outcome.status}`})`,
  );
}

function buildAddon() {
  const inputs = hashOfInputs();
  const current = existsSync(stampPath) && readFileSync(stampPath, 'utf8') === inputs;
  if (current && existsSync(addonPath)) {
    console.log('build      native addon is up to date');
    return;
  }
  requireTools();
  console.log('build      native addon, from native/CMakeLists.txt');
  rmSync(stampPath, { force: true });
  // Configures anew: the cache names folders and a generator that may have changed.
  rmSync(join(buildFolder, 'CMakeCache.txt'), { force: true });
  const cmakeJs = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
  run(process.execPath, [
    cmakeJs,
    'build',
    ...['--directory', join(root, 'native')],
    ...['--out', buildFolder],
    ...['--config', 'Release'],
    ...['--parallel', String(parallel)],
  ]);
  if (!existsSync(addonPath)) fail(`the build ended without ${relative(root, addonPath)}`);
  mkdirSync(dirname(stampPath), { recursive: true });
  writeFileSync(stampPath, inputs);
  console.log(`build      ${relative(root, addonPath)}`);
}

/** Configures and builds the C++ sources in a folder of their own. */
function buildIn(folder, definitions, target) {
  run('cmake', ['-S', join(root, 'native'), '-B', folder, ...definitions.map((one) => `-D${one}`)]);
  const targets = target === undefined ? [] : ['--target', target];
  run('cmake', ['--build', folder, '--parallel', String(parallel), ...targets]);
}

/**
 * Runs the test programs of a build, as many at once as there are processors; each counts as one test, however many
 * comparisons it makes.
 */
async function runTestsIn(builtIn, what) {
  const counts = { passed: 0, failed: 0 };
  const folder = join(builtIn, 'bin');
  const known = new Set(readFileSync(join(builtIn, 'programs.txt'), 'utf8').split('\n'));
  const waiting = readdirSync(folder)
    .filter((name) => known.has(name.replace(/\.exe$/, '')))
    .sort();
  const runWaiting = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const { code, output, errors } = await outcomeOf(join(folder, name));
      const good = /(\d+) passed, (\d+) failed\s*$/.test(output) && code === 0;
      counts[good ? 'passed' : 'failed'] += 1;
      const told = output.trim().split('\n').join('; ');
      console.log(
        `${good ? 'ok    ' : 'FAILED'} ${name}${what}: ${told.replace(/(\d+) passed, (\d+) failed$/, '$1 comparisons held, $2 did not')}`,
      );
      if (!good) process.stderr.write(errors);
    }
  };
  await Promise.all(Array.from({ length: parallel }, runWaiting));
  return counts;
}

/** How a program ended, and what it printed. */
function outcomeOf(program) {
  return new Promise((resolve) => {
    execFile(program, { timeout: 300_000, maxBuffer: 64 * 1024 * 1024 }, (error, output, errors) => {
      resolve({ code: error === null ? 0 : (error.code ?? 1), output, errors: `${errors}${error ?? ''}\n` });
    });
  });
}

async function buildAndRunTests() {
  requireTools();
  // Lines for the sanitizers' stacks; variables would take an eighth of the build's time.
  const common = ['CMAKE_BUILD_TYPE=Debug', 'CMAKE_CXX_FLAGS_DEBUG=-g1', 'SLUICE_BUILD_TESTS=ON'];
  buildIn(testFolder, [...common, 'SLUICE_SANITIZE=address']);
  buildIn(threadTestFolder, [...common, 'SLUICE_SANITIZE=thread'], 'threaded_tests');
  const sets = [await runTestsIn(testFolder, ''), await runTestsIn(threadTestFolder, ' (threads)')];
  const passed = sets.reduce((sum, counts) => sum + counts.passed, 0);
  const failed = sets.reduce((sum, counts) => sum + counts.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && sets.every((counts) => counts.passed > 0) ? 0 : 1;
}

/** Fuzzes for so many seconds. What was found stays in the build folder; a crash names its input. */
function fuzz(seconds) {
  requireTools();
  if (!answers('clang++'))
    fail('fuzzing needs clang++ with libFuzzer (Debian: apt install clang libclang-rt-dev)');
  buildIn(
    fuzzFolder,
    [
      'CMAKE_CXX_COMPILER=clang++',
      'CMAKE_BUILD_TYPE=RelWithDebInfo',
      'CMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1 -DNDEBUG',
      'SLUICE_SANITIZE=address',
      'SLUICE_FUZZ=ON',
    ],
    'fuzzing',
  );
  const [found, seeds] = ['found', 'seeds'].map((name) => join(fuzzFolder, name));
  for (const folder of [found, seeds]) mkdirSync(folder, { recursive: true });
  run(join(fuzzFolder, 'fuzz', 'write_seeds'), [seeds]);
  const outcome = spawnSync(
    join(fuzzFolder, 'fuzz', 'program_loader'),
    [
      `-max_total_time=${seconds}`,
      '-max_len=16384',
      '-timeout=20',
      '-print_final_stats=1',
      `-artifact_prefix=${fuzzFolder}/`,
      ...[found, corpusFolder, seeds],
    ],
    { cwd: root, stdio: 'inherit' },
  );
  process.exitCode = outcome.status ?? 1;
}

const [, , mode, seconds] = process.argv;
if (mode === '--tests') await buildAndRunTests();
else if (mode === '--fuzz') fuzz(Number(seconds ?? fuzzSecondsDefault));
else buildAddon();
