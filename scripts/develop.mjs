// Brings a clone up to date (install, native build, TypeScript build), then runs the task asked for.
// No dependencies: it runs before anything is installed.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = [20, 19];
/** Holds the process that brings this clone up to date. */
const lock = join(root, 'build', 'setup.lock');
const lockPollMs = 500;
const lockWriteMs = 5_000;

const tasks = {
  start: (rest) => run('node', ['programs/cli/main.js', 'up', ...rest], { interactive: true }),
  test: (rest) => run('node', ['scripts/run-tests.mjs', ...rest]),
  check: () => run('node', ['scripts/run-checks.mjs']),
  bench: (rest) => run('node', ['dist/bench/main.js', ...rest]),
  soak: (rest) => run('node', ['dist/test/soak/main.js', ...rest]),
  build: () => 0,
};

async function main() {
  const [task, ...rest] = process.argv.slice(2);
  if (!Object.hasOwn(tasks, task ?? '')) {
    say('develop', `unknown task ${task}; one of ${Object.keys(tasks).join(', ')}`);
    return 2;
  }
  if (!nodeIsNewEnough()) {
    say('develop', `Node ${process.versions.node} is too old: install Node ${oldestNode.join('.')} or newer`);
    return 1;
  }
  const code = await bringUpToDate();
  return code === 0 ? tasks[task](rest) : code;
}

/** One command at a time: two that build into the same folders break each other's build. */
async function bringUpToDate() {
  await takeLock();
  try {
    // Installing runs the native build as well; it skips itself when it is up to date.
    for (const stage of [install, buildNative, bundleTypeBox, buildTypeScript, bundlePrograms]) {
      const code = await stage();
      if (code !== 0) return code;
    }
    return 0;
  } finally {
    rmSync(lock, { force: true });
  }
}

async function takeLock() {
  mkdirSync(dirname(lock), { recursive: true });
  for (let isTold = false; ; isTold = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return;
    } catch (thrown) {
      if (thrown.code !== 'EEXIST') throw thrown;
    }
    const holder = lockHolder();
    // A command that was killed has left it.
    if (holder === undefined) rmSync(lock, { force: true });
    else if (!isTold) say('setup', `waits for the command of process ${holder}, which builds in this clone`);
    if (holder !== undefined) await setTimeout(lockPollMs);
  }
}

/** The process that holds the lock; undefined when it is gone. */
function lockHolder() {
  let holder;
  try {
    holder = Number(readFileSync(lock, 'utf8'));
    // Empty for the moment between being made and being written.
    if (holder === 0) return Date.now() - statSync(lock).mtimeMs < lockWriteMs ? holder : undefined;
    process.kill(holder, 0);
    return holder;
  } catch (thrown) {
    // It is somebody else's.
    return thrown.code === 'EPERM' ? holder : undefined;
  }
}

function nodeIsNewEnough() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

async function install() {
  if (dependenciesAreInstalled()) return 0;
  return stage('install', 'npm ci: dependencies, then the native addon (1-2 minutes the first time)', 'npm', [
    'ci',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
}

/** Whether node_modules holds each package of the lock file at its version; optional ones may be for other platforms. */
function dependenciesAreInstalled() {
  const wanted = readLock('package-lock.json');
  const present = readLock(join('node_modules', '.package-lock.json'));
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional === true || present[path]?.version === version,
  );
}

function readLock(path) {
  const file = join(root, path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

function buildNative() {
  return run('node', ['scripts/build-native.mjs']);
}

function bundleTypeBox() {
  return run('node', ['scripts/bundle-typebox.mjs']);
}

function bundlePrograms() {
  return run('node', ['scripts/bundle-programs.mjs']);
}

async function buildTypeScript() {
  removeStaleOutput();
  if (existsSync(join(root, 'dist', 'cli', 'main.js'))) return run('node', [typescript(), '-p', '.']);
  return stage('build', 'TypeScript', 'node', [typescript(), '-p', '.']);
}

function typescript() {
  return join('node_modules', 'typescript', 'bin', 'tsc');
}

/** A compiled file whose source is gone must not be run by a test or shipped. */
function removeStaleOutput() {
  const dist = join(root, 'dist');
  if (!existsSync(dist)) return;
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.js')) continue;
    const output = join(entry.parentPath, entry.name);
    const source = join(root, relative(dist, output).replace(/\.js$/, '.ts'));
    if (existsSync(source)) continue;
    for (const ending of ['.js', '.js.map', '.d.ts'])
      rmSync(output.replace(/\.js$/, ending), { force: true });
    rmSync(join(dist, '.tsbuildinfo'), { force: true });
  }
}

async function stage(name, what, command, args) {
  say(name, what);
  const startedMs = performance.now();
  const code = await run(command, args);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  say(name, code === 0 ? `done in ${seconds} s` : `failed (exit code ${code})`);
  return code;
}

function say(name, text) {
  process.stdout.write(`${name.padEnd(10)} ${text}\n`);
}

/**
 * Runs a program to its end and gives its exit code. The terminal sends Ctrl-C to the whole process group,
 * so an interactive child gets it by itself: this process only waits for it.
 */
function run(command, args, { interactive = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command === 'node' ? process.execPath : command, args, {
      cwd: root,
      stdio: 'inherit',
      shell: process.platform === 'win32' && command === 'npm',
      env: { ...process.env, INIT_CWD: process.env.INIT_CWD ?? process.cwd() },
    });
    const onInterrupt = () => {};
    const onTerminate = () => child.kill('SIGTERM');
    process.on('SIGINT', onInterrupt);
    process.on('SIGTERM', onTerminate);
    child.on('error', (error) => {
      say('develop', `${command} cannot be started: ${error.message}`);
      resolve(1);
    });
    child.on('close', (code, signal) => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
      if (signal !== null && !interactive) say('develop', `${command} ended by ${signal}`);
      resolve(code ?? 130);
    });
  });
}

process.exitCode = await main();
