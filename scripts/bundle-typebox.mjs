// Makes one file of each TypeBox entry, in build/vendor: its four hundred modules, loaded one by one, take half a
// second of processor and 25 MB in every process that starts. docs/decisions/0028-start.md has the numbers.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'node_modules', 'typebox');
const output = join(root, 'build', 'vendor', 'typebox');
const stamp = join(output, 'version.txt');

const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== version) {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const entries = { index: 'index.mjs', compile: 'compile/index.mjs', schema: 'schema/index.mjs' };
  await build({
    entryPoints: Object.fromEntries(
      Object.entries(entries).map(([name, file]) => [name, join(source, 'build', file)]),
    ),
    outdir: output,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Names and lines stay readable in a stack.
    minify: false,
    legalComments: 'inline',
    logLevel: 'warning',
  });
  writeFileSync(join(output, 'package.json'), '{"type":"module"}\n');
  writeFileSync(stamp, version);
}
