// Formats the C++ sources with clang-format (.clang-format).
//   node scripts/format-native.mjs            formats in place
//   node scripts/format-native.mjs --check    changes nothing; exit code 1 names what is not formatted
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function sourcesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return entry.name === 'generated' ? [] : sourcesUnder(join(folder, entry.name));
    return /\.[ch]pp$/.test(entry.name) ? [join(folder, entry.name)] : [];
  });
}

const files = [...sourcesUnder(join(root, 'native')), ...sourcesUnder(join(root, 'hls'))];
const mode = process.argv.includes('--check') ? ['--dry-run', '--Werror'] : ['-i'];
const outcome = spawnSync('clang-format', [...mode, ...files.map((file) => relative(root, file))], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (outcome.error !== undefined) {
  console.log(`SKIPPED: clang-format is not installed; ${files.length} C++ files were not looked at`);
} else {
  process.exitCode = outcome.status === 0 ? 0 : 1;
}
