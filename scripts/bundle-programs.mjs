// Makes one file, and chunks that several share, of each program that starts as a process or a thread, in programs/:
// Node loads a module in about a millisecond, and these have hundreds. docs/decisions/0029-bundled-programs.md has the
// numbers. The tree is that of dist/, so that a module finds other files from where it stands as it does there.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiled = join(root, 'dist');
const output = join(root, 'programs');
/** What was bundled of what: inputs, and outputs with their sizes. Its date is that of the bundling's begin. */
const stamp = join(output, 'bundle.json');

const programs = [
  'cli/main',
  'agent/main',
  'agent/scoring/main',
  'agent/scoring/cluster/main',
  'agent/scripts/script-worker',
  'compiler/compile-worker',
  'compiler/explore/explore-worker',
];

// They load files beside their own, native ones or those of a thread, or are loaded seldom: what Fastify has schemas
// compiled with and inject() made of, where both are not used.
const unbundled = [
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  '@grpc/grpc-js',
  '@photostructure/sqlite',
  'esbuild',
  'fast-json-stringify',
  'light-my-request',
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

/** What the stamp says; undefined when there is none that can be read. */
function readStamp() {
  try {
    return JSON.parse(readFileSync(stamp, 'utf8'));
  } catch {
    return undefined;
  }
}

function isUpToDate({ inputs, outputs } = {}) {
  if (inputs === undefined) return false;
  const { mtimeMs: bundledMs } = statSync(stamp);
  const fileOf = (path) => statSync(join(root, path), { throwIfNoEntry: false });
  return (
    inputs.every((path) => (fileOf(path)?.mtimeMs ?? Number.POSITIVE_INFINITY) < bundledMs) &&
    Object.entries(outputs).every(([path, bytes]) => fileOf(path)?.size === bytes)
  );
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
  // The lock file stands for the packages: npm dates their files as their authors did.
  const own = ['scripts/bundle-programs.mjs', 'package.json', 'package-lock.json'];
  const inputs = Object.keys(metafile.inputs).filter((path) => existsSync(join(root, path)));
  const outputs = Object.entries(metafile.outputs).map(([path, { bytes }]) => [path, bytes]);
  return { inputs: [...own, ...inputs], outputs: Object.fromEntries(outputs) };
}

/** A program that runs may yet load chunks of the bundle before this one, so those stay for once. */
function removeAllBut(kept) {
  for (const entry of readdirSync(output, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(root, path).replaceAll('\\', '/');
    if (entry.isFile() && path !== stamp && !kept.has(name)) rmSync(path, { force: true });
  }
}

const before = readStamp();
if (!isUpToDate(before)) {
  const begun = new Date();
  mkdirSync(output, { recursive: true });
  const made = await bundle();
  removeAllBut(new Set([...Object.keys(before?.outputs ?? {}), ...Object.keys(made.outputs)]));
  // Whole or not at all: half of it would be no stamp.
  writeFileSync(`${stamp}.new`, JSON.stringify(made));
  utimesSync(`${stamp}.new`, begun, begun);
  renameSync(`${stamp}.new`, stamp);
}
