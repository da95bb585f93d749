// Makes one file, and chunks that several share, of each program that starts as a process or a thread, in programs/:
// Node loads a module in about a millisecond, and these have hundreds. docs/decisions/0029-bundled-programs.md has the
// numbers. The tree is that of dist/, so that a module finds other files from where it stands as it does there.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiled = join(root, 'dist');
const output = join(root, 'programs');
const stamp = join(output, 'inputs.json');

const programs = [
  'cli/main',
  'agent/main',
  'agent/scoring/main',
  'agent/scoring/cluster/main',
  'agent/scripts/script-worker',
  'compiler/compile-worker',
  'compiler/explore/explore-worker',
];

// They load files beside their own, native ones or those of a thread, or are loaded by few commands.
const unbundled = [
  '@grpc/grpc-js',
  '@photostructure/sqlite',
  'cmake-js',
  'esbuild',
  'onnxruntime-node',
  'pino',
  'protobufjs',
];

/** Modules see themselves where they would stand in the tree. */
const placeOfModules = {
  name: 'place of modules',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(compiled)) return undefined;
      const code = readFileSync(path, 'utf8');
      if (!code.includes('import.meta.url')) return undefined;
      const place = JSON.stringify(`/programs/${relative(compiled, path).replaceAll('\\', '/')}`);
      const url = `(import.meta.url.slice(0, import.meta.url.lastIndexOf('/programs/')) + ${place})`;
      return { contents: code.replaceAll('import.meta.url', url), loader: 'js' };
    });
  },
};

function isUpToDate() {
  if (!existsSync(stamp)) return false;
  const { mtimeMs } = statSync(stamp);
  const inputs = JSON.parse(readFileSync(stamp, 'utf8'));
  return inputs.every((path) => {
    const file = statSync(join(root, path), { throwIfNoEntry: false });
    return file !== undefined && file.mtimeMs <= mtimeMs;
  });
}

async function bundle() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: programs.map((program) => join(compiled, `${program}.js`)),
    outbase: compiled,
    outdir: output,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: unbundled,
    // What packages in CommonJS ask for while they run.
    banner: {
      js: "import { createRequire as programRequire } from 'node:module';\nconst require = programRequire(import.meta.url);",
    },
    // Names and lines stay readable in a stack.
    minify: false,
    sourcemap: 'linked',
    legalComments: 'inline',
    logLevel: 'warning',
    metafile: true,
    plugins: [placeOfModules],
  });
  return { inputs: Object.keys(metafile.inputs), outputs: Object.keys(metafile.outputs) };
}

/** Programs that run already load further chunks by their names, which are of their content. */
function removeAllBut(outputs) {
  const kept = new Set(outputs);
  for (const entry of readdirSync(output, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !kept.has(relative(root, path).replaceAll('\\', '/')))
      rmSync(path, { force: true });
  }
}

if (!isUpToDate()) {
  mkdirSync(output, { recursive: true });
  const { inputs, outputs } = await bundle();
  removeAllBut(outputs);
  // The lock file stands for the packages: npm dates their files as their authors did.
  const own = ['scripts/bundle-programs.mjs', 'package-lock.json'];
  writeFileSync(stamp, JSON.stringify([...own, ...inputs.filter((path) => existsSync(join(root, path)))]));
}
