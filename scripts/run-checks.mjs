// Formatting, lint, dead code and freshness of generated files; types and import directions are checked by the
// build and by a test. Every check runs, so one look shows all that is wrong.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const checks = [
  { name: 'format and lint (biome)', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'] },
  { name: 'format of C++ (clang-format)', args: ['scripts/format-native.mjs', '--check'] },
  { name: 'dead code (knip)', args: ['node_modules/knip/bin/knip.js', '--no-progress'] },
  { name: 'kernels of hls/', args: ['scripts/check-hls.mjs'] },
  { name: 'generated files', args: ['scripts/generate-npu-constants.mjs', '--check'] },
  { name: 'golden numbers of the NPU', args: ['scripts/generate-npu-golden.mjs', '--check'] },
];

const failed = checks.filter(({ name, args }) => {
  process.stdout.write(`check      ${name}\n`);
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status !== 0;
});
for (const { name } of failed) process.stdout.write(`check      FAILED: ${name}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
