// Builds the native addon, when something it is made of has changed since the last build.
//   node scripts/build-native.mjs           build/native/Release/sluice_native.node
//   node scripts/build-native.mjs --tests   the C++ tests with sanitizers; ends with "N passed, N failed" programs
// Needs a C++ compiler and what npm has installed; CMake and Ninja come from npm where the machine has none.
import { spawnSync } from 'node:child_process';
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
const toolsFolder = join(root, 'scripts', 'build-tools');
const sourceEndings = ['.cpp', '.hpp', '.txt', '.cmake'];
const buildPackages = ['cmake-js', 'node-addon-api', 'node-api-headers'];
const parallel = String(availableParallelism());

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
    ...['--parallel', parallel],
  ]);
  if (!existsSync(addonPath)) fail(`the build ended without ${relative(root, addonPath)}`);
  mkdirSync(dirname(stampPath), { recursive: true });
  writeFileSync(stampPath, inputs);
  console.log(`build      ${relative(root, addonPath)}`);
}

/** Runs the test programs; each counts as one test, however many comparisons it makes. */
function buildAndRunTests() {
  requireTools();
  run('cmake', [
    ...['-S', join(root, 'native'), '-B', testFolder],
    '-DCMAKE_BUILD_TYPE=Debug',
    '-DSLUICE_SANITIZE=ON',
    '-DSLUICE_BUILD_TESTS=ON',
  ]);
  run('cmake', ['--build', testFolder, '--parallel', parallel]);
  let passed = 0;
  let failed = 0;
  for (const name of readdirSync(join(testFolder, 'bin')).sort()) {
    const outcome = spawnSync(join(testFolder, 'bin', name), [], { encoding: 'utf8', timeout: 300_000 });
    const counts = /(\d+) passed, (\d+) failed\s*$/.exec(outcome.stdout ?? '');
    const good = counts !== null && outcome.status === 0;
    passed += good ? 1 : 0;
    failed += good ? 0 : 1;
    const told = (outcome.stdout ?? '').trim().split('\n').join('; ');
    console.log(
      `${good ? 'ok    ' : 'FAILED'} ${name}: ${told.replace(/(\d+) passed, (\d+) failed$/, '$1 comparisons held, $2 did not')}`,
    );
    if (!good) process.stderr.write(outcome.stderr ?? '');
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

if (process.argv.includes('--tests')) buildAndRunTests();
else buildAddon();
