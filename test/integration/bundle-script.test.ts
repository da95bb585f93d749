import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundleScript } from '../../cli/bundle-script.ts';
import { repositoryPath, repositoryRoot, temporaryFolder } from '../support/paths.ts';

/** Writes a script and what it imports, and bundles it. */
async function bundle(files: Record<string, string>, entry = 'score.js'): Promise<string> {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return Buffer.from(await bundleScript(join(folder, entry))).toString();
}

describe('bundleScript', () => {
  it('makes one module of a script, its own files and its packages, without a path of this machine', async () => {
    const text = Buffer.from(await bundleScript(repositoryPath('samples', 'fashion', 'score.js'))).toString();
    expect(text).toContain('Ankle boot');
    expect(text).not.toMatch(/\bimport\b[^(]*?from/);
    expect(text).not.toContain(repositoryRoot);
    const own = await bundle(
      {
        'score.ts': "import { answer } from './own.ts'; export const run = (): number => answer;",
        'own.ts': 'export const answer: number = 42;',
      },
      'score.ts',
    );
    expect(own).toContain('42');
    expect(own).not.toContain('number');
  });

  it('gives the same bytes wherever the sources stand', async () => {
    const source = "import { x } from './x.js'; export const run = () => x; // comment";
    const files = { 'score.js': source, 'x.js': 'export const x = 1;' };
    expect(await bundle(files)).toBe(await bundle(files));
    const deep = join(temporaryFolder(), 'a', 'b');
    mkdirSync(deep, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(deep, name), text);
    expect(Buffer.from(await bundleScript(join(deep, 'score.js'))).toString()).toBe(await bundle(files));
  });

  it.each([
    ['a syntax error', 'export function run( {'],
    ['an import of Node', "import 'node:fs'; export const run = () => 1;"],
    [
      'an import of Node without its prefix',
      "import { readFileSync } from 'fs'; export const run = readFileSync;",
    ],
    ['a dynamic import of Node', "export const run = () => import('node:fs');"],
    ['a package that is not there', "import 'no-such-package-here'; export const run = () => 1;"],
    ['a file that is not there', "import './missing.js'; export const run = () => 1;"],
    ['no run', 'export const other = () => 1;'],
  ])('refuses %s in one line', async (_what, source) => {
    const refused = bundle({ 'score.js': source });
    await expect(refused).rejects.toMatchObject({ code: 'script_invalid' });
    await refused.catch((error: Error) => expect(error.message).not.toContain('\n'));
  });

  it('refuses a script that is not there', async () => {
    await expect(bundleScript(join(temporaryFolder(), 'none.js'))).rejects.toMatchObject({
      code: 'script_invalid',
    });
  });
});
