import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../support/paths.ts';

interface Reader {
  faultsOfModule(text: string, allowed: { blocks: boolean; vectors: boolean }): string[];
}

const path = join(repositoryRoot, 'scripts', 'hls-ir.mjs');
const { faultsOfModule } = (await import(pathToFileURL(path).href)) as Reader;

/** A module with one function of these instructions, in the text form of clang 14 unless they are written newer. */
function moduleWith(...instructions: string[]): string {
  const body = instructions.map((line) => `  ${line}\n`).join('');
  return `define dso_local void @top(i64* noundef %0, i64* noundef %1, i32 %2) #0 {\n${body}  ret void\n}\n`;
}

function faultsOf(...instructions: string[]): string[] {
  return faultsOfModule(moduleWith(...instructions), { blocks: false, vectors: false });
}

test.each([
  ['a stored pointer', ['store i64* %0, i64** %3, align 8'], 'a pointer in memory'],
  ['a stored pointer of clang 16', ['store ptr %0, ptr %3, align 8'], 'a pointer in memory'],
  ['a loaded pointer', ['%4 = load i64*, i64** %3, align 8'], 'a pointer in memory'],
  ['a pointer variable', ['%4 = alloca [2 x i64*], align 8'], 'a pointer in memory'],
  ['a select', ['%4 = select i1 %3, i64* %0, i64* %1'], 'a chosen pointer'],
  ['a phi', ['%4 = phi i64* [ %0, %2 ], [ %1, %3 ]'], 'a choice between pointers to different objects'],
  ['a phi of clang 16', ['%4 = phi ptr [ %0, %2 ], [ %1, %3 ]'], 'a choice between pointers'],
  ['a division', ['%4 = udiv i32 7, %2'], 'a division by a variable'],
  ['an address as a number', ['%4 = ptrtoint i64* %0 to i64'], 'arithmetic with an address'],
  ['a rotation', ['%4 = tail call i64 @llvm.fshl.i64(i64 %3, i64 %3, i64 32)'], 'a call of llvm.fshl.i64'],
  ['a call elsewhere', ['call void @abort() #1'], 'a call of abort'],
  ['a call of a pointer', ['call void %3(i32 %2)'], 'a call through a pointer'],
  ['a vector', ['%4 = add <4 x i32> %3, %3'], 'a vector'],
  ['a wide integer', ['%4 = zext i64 %3 to i128'], 'more than 64 bits'],
  [
    'a block copy',
    ['call void @llvm.memcpy.p0i8.p0i8.i64(i8* align 8 %3, i8* align 8 %4, i64 16, i1 false)'],
    'a block copy or fill',
  ],
])('%s is a fault', (_, instructions, fault) => {
  const faults = faultsOf(...instructions);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(fault);
});

test('a struct that holds a pointer is a fault', () => {
  const text = `%"struct.Regions" = type { i64, i64* }\n${moduleWith()}`;
  expect(faultsOfModule(text, { blocks: false, vectors: false })).toHaveLength(1);
});

test('addresses within one object, divisions by constants and values may be chosen', () => {
  const faults = faultsOf(
    '%4 = getelementptr inbounds i64, i64* %0, i64 1',
    '%5 = getelementptr inbounds i64, i64* %0, i64 2',
    '%6 = phi i64* [ %4, %2 ], [ %5, %3 ]',
    '%7 = load i64, i64* %6, align 8',
    '%8 = select i1 %3, i64 %7, i64 0',
    'store i64 %8, i64* %1, align 8',
    '%9 = udiv i32 %2, 7',
    'call void @top(i64* %0, i64* %1, i32 %9)',
  );
  expect(faults).toEqual([]);
});

test('a unit may copy a block whose length is a constant, and no other', () => {
  const copy = (length: string) =>
    moduleWith(`call void @llvm.memcpy.p0i8.p0i8.i64(i8* %3, i8* %4, i64 ${length}, i1 false)`);
  expect(faultsOfModule(copy('64'), { blocks: true, vectors: false })).toEqual([]);
  expect(faultsOfModule(copy('%5'), { blocks: true, vectors: false })).toHaveLength(1);
});

test('a module without a function is a fault: nothing was read', () => {
  expect(faultsOfModule('target triple = "x"\n', { blocks: false, vectors: false })).toHaveLength(1);
});
