import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { checkOutputFolder, writeOutputFolder } from '../../../cli/output-folder.ts';
import { temporaryFolder } from '../../support/paths.ts';

const command = 'test';

it('writes all files, and replaces what it wrote before', async () => {
  const path = join(temporaryFolder(), 'deep', 'out');
  await writeOutputFolder(path, { command, files: { a: 'one', b: Uint8Array.of(1, 2) } });
  expect(readFileSync(join(path, 'b'))).toEqual(Buffer.of(1, 2));
  await writeOutputFolder(path, { command, files: { a: 'two' } });
  expect(readdirSync(path).sort()).toEqual(['a', 'sluice-output.json']);
  expect(readFileSync(join(path, 'a'), 'utf8')).toBe('two');
  expect(readdirSync(dirname(path))).toEqual(['out']);
});

it('takes an empty folder', async () => {
  const path = temporaryFolder();
  await writeOutputFolder(path, { command, files: { a: 'one' } });
  expect(readFileSync(join(path, 'a'), 'utf8')).toBe('one');
});

it("never replaces a folder with somebody else's file in it, nor a file", async () => {
  const folder = temporaryFolder();
  const own = join(folder, 'own');
  await writeOutputFolder(own, { command, files: { a: 'one' } });
  writeFileSync(join(own, 'notes.txt'), 'mine');
  const foreign = join(folder, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'a'), 'mine');
  const file = join(folder, 'file');
  writeFileSync(file, 'mine');
  for (const path of [own, foreign, file]) {
    await expect(checkOutputFolder(path, command)).rejects.toMatchObject({ code: 'usage' });
    await expect(writeOutputFolder(path, { command, files: { a: 'two' } })).rejects.toMatchObject({
      code: 'usage',
    });
  }
  await expect(checkOutputFolder(own, 'another')).rejects.toMatchObject({ code: 'usage' });
  expect(readFileSync(join(own, 'notes.txt'), 'utf8')).toBe('mine');
  expect(readdirSync(folder).sort()).toEqual(['file', 'foreign', 'own']);
});

it('changes nothing when it is cancelled', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'out');
  await writeOutputFolder(path, { command, files: { a: 'one' } });
  const signal = AbortSignal.abort();
  await expect(writeOutputFolder(path, { command, files: { a: 'two' }, signal })).rejects.toMatchObject({
    code: 'cancelled',
  });
  expect(readFileSync(join(path, 'a'), 'utf8')).toBe('one');
  expect(readdirSync(folder)).toEqual(['out']);
});
