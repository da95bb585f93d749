import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryPath, repositoryRoot } from '../support/paths.ts';

/** Which folders each folder may import from, besides itself. docs/architecture.md draws the same. */
const allowed: Record<string, readonly string[]> = {
  contract: [],
  base: ['contract'],
  native: ['base', 'contract'],
  ort: ['native', 'base', 'contract'],
  compiler: ['native', 'ort', 'base', 'contract'],
  agent: ['native', 'ort', 'base', 'contract'],
  workspace: ['compiler', 'native', 'ort', 'base', 'contract'],
  cli: ['workspace', 'agent', 'compiler', 'native', 'ort', 'base', 'contract'],
  bench: ['workspace', 'agent', 'compiler', 'native', 'ort', 'base', 'contract', 'cli'],
};

interface Import {
  file: string;
  specifier: string;
}

function importsOf(file: string, source: string): Import[] {
  const pattern = /(?:^|\n)\s*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|\bimport\s*\(?\s*'([^']+)'/g;
  return [...source.matchAll(pattern)].map((match) => ({ file, specifier: match[1] ?? match[2] ?? '' }));
}

/** What is wrong with an import; undefined when nothing is. */
function violation({ file, specifier }: Import): string | undefined {
  const room = file.split(sep)[0] ?? '';
  if (!specifier.startsWith('.')) {
    const outside = room === 'contract' && !/^#typebox(\/|$)/.test(specifier);
    return outside ? `${file}: contract imports ${specifier}; only the schema library is allowed` : undefined;
  }
  if (!/\.(ts|js)$/.test(specifier)) return `${file}: ${specifier} does not end in .ts`;
  const target = normalize(join(dirname(file), specifier)).split(sep)[0] ?? '';
  if (target === room || allowed[room]?.includes(target)) return undefined;
  return `${file}: ${room} must not import from ${target}`;
}

function sourceFiles(folder: string, endings: RegExp): string[] {
  return readdirSync(repositoryPath(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.test(entry.name))
    .map((entry) => relative(repositoryRoot, join(entry.parentPath, entry.name)));
}

/** Files that a source names by where it stands itself, as paths of the compiled tree. */
function startedFrom(file: string): string[] {
  const source = readFileSync(repositoryPath(file), 'utf8');
  const pattern = /new URL\(\s*(?:'([^']+\.js)'|`([^`]+\.js)`),\s*import\.meta\.url/g;
  return [...source.matchAll(pattern)].flatMap((match) => {
    const name = match[1] ?? match[2] ?? '';
    const variants = name.includes('${') ? ['cluster/', ''] : [''];
    return variants.map((part) => join(dirname(file), name.replace(/\$\{[^}]*\}/, part)));
  });
}

describe('import directions', () => {
  it('go down only', () => {
    const imports = Object.keys(allowed)
      .flatMap((folder) => sourceFiles(folder, /\.ts$/))
      .flatMap((file) => importsOf(file, readFileSync(repositoryPath(file), 'utf8')));
    expect(imports.length).toBeGreaterThan(100);
    expect(imports.map(violation).filter((text) => text !== undefined)).toEqual([]);
  });

  it.each([
    ['agent/a.ts', '../workspace/b.ts'],
    ['workspace/a.ts', '../agent/b.ts'],
    ['agent/deep/a.ts', '../../compiler/b.ts'],
    ['native/a.ts', '../agent/b.ts'],
    ['contract/a.ts', 'node:fs'],
    ['base/a.ts', '../agent/b.ts'],
    ['agent/a.ts', './b'],
  ])('%s may not import %s', (file, specifier) => {
    expect(violation({ file: normalize(file), specifier })).toBeDefined();
  });

  it('keep Node-API out of the core and JavaScript out of the kernels', () => {
    const core = [
      ...sourceFiles('native/core', /\.(hpp|cpp)$/),
      ...sourceFiles('native/devices', /\.(hpp|cpp)$/),
    ];
    const kernels = sourceFiles('hls', /\.(hpp|cpp)$/);
    expect(core.length).toBeGreaterThan(2);
    expect(kernels.length).toBeGreaterThan(2);
    const includesOf = (file: string) =>
      [...readFileSync(repositoryPath(file), 'utf8').matchAll(/#include\s+[<"]([^">]+)[">]/g)].map(
        (match) => match[1] ?? '',
      );
    const bad = core
      .flatMap((file) => includesOf(file).map((include) => `${file}: ${include}`))
      .filter((line) => /napi|node_api|addon\//.test(line))
      .concat(
        kernels
          .flatMap((file) => includesOf(file).map((include) => `${file}: ${include}`))
          .filter((line) => /native\/|napi|node_api/.test(line)),
      );
    expect(bad).toEqual([]);
  });
});

it('everything that is started as a process or thread is a program', () => {
  const shipped = Object.keys(allowed).filter((folder) => folder !== 'bench');
  const started = shipped.flatMap((folder) => sourceFiles(folder, /\.ts$/).flatMap(startedFrom));
  expect(started).toContain(join('agent', 'scripts', 'script-worker.js'));
  expect(started).toContain(join('agent', 'scoring', 'cluster', 'main.js'));
  expect(started.length).toBeGreaterThan(6);
  expect(started.filter((path) => !existsSync(repositoryPath('programs', path)))).toEqual([]);
});
