// Runs every test, says once more which failed, and ends with one line of counts: `N passed, N failed` (and
// `, N skipped`).
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const counts = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

async function main() {
  const filters = process.argv.slice(2);
  let failed = await runVitest(filters);
  if (filters.length === 0) failed = (await runNativeTests()) || failed;
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  for (const failure of failures) process.stdout.write(`\nfailed: ${failure}`);
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
  return failed ? 1 : 0;
}

async function runVitest(filters) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-results-'));
  const report = join(folder, 'vitest.json');
  try {
    const code = await run('node_modules/vitest/vitest.mjs', [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...filters,
    ]);
    if (!existsSync(report)) {
      counts.failed += 1;
      failures.push(`vitest ended with exit code ${code} and no report`);
      return true;
    }
    const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    counts.passed += numPassedTests;
    counts.failed += numFailedTests;
    counts.skipped += numPendingTests;
    for (const { name, status, message, assertionResults } of testResults) {
      const file = relative(root, name);
      const failed = assertionResults.filter((test) => test.status === 'failed');
      for (const test of failed) {
        failures.push(`${file}: ${test.fullName}: ${firstLine(test.failureMessages[0])}`);
      }
      if (status !== 'failed' || failed.length > 0) continue;
      // A file that cannot be loaded has no tests to count, and a hook that fails may leave all of them passed.
      counts.failed += 1;
      failures.push(`${file}: ${firstLine(message)}`);
    }
    if (code !== 0 && counts.failed === 0) {
      counts.failed += 1;
      failures.push(`vitest ended with exit code ${code}; it says why above`);
    }
    return code !== 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function firstLine(text = '') {
  return text.split('\n', 1)[0];
}

async function runNativeTests() {
  let lastCounts;
  const code = await run('scripts/build-native.mjs', ['--tests'], (line) => {
    const match = /^(\d+) passed, (\d+) failed$/.exec(line);
    if (match !== null) lastCounts = [Number(match[1]), Number(match[2])];
  });
  const [passed, failed] = lastCounts ?? [0, 1];
  counts.passed += passed;
  counts.failed += failed;
  if (code !== 0 && failed === 0) counts.failed += 1;
  if (code !== 0) failures.push('the native tests, as they print above');
  return code !== 0;
}

/** Runs a Node script; with `onLine` its standard output is read as well as shown. */
function run(script, args, onLine) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      stdio: ['ignore', onLine === undefined ? 'inherit' : 'pipe', 'inherit'],
    });
    let rest = '';
    child.stdout?.on('data', (piece) => {
      process.stdout.write(piece);
      const lines = (rest + piece).split('\n');
      rest = lines.pop();
      lines.forEach(onLine);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

// Clients that tests start, curl and gRPC among them, reach servers of this machine without a proxy.
const { NO_PROXY, no_proxy = NO_PROXY } = process.env;
process.env.NO_PROXY = process.env.no_proxy = [no_proxy, 'localhost,127.0.0.1'].filter(Boolean).join(',');
process.exitCode = await main();
