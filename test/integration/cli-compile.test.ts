import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CompileReport } from '../../compiler/report.ts';
import { floatMobileNetV2 } from '../support/float-networks.ts';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';

const entry = repositoryPath('programs', 'cli', 'main.js');
const digits = (file: string): string => repositoryPath('test', 'golden', 'digits', file);

function sluice(...args: string[]) {
  return spawnSync(process.execPath, [entry, ...args], { encoding: 'utf8' });
}

/** Samples of the digits networks as the data set's README says. */
function digitSamples(count = 16): string {
  const folder = temporaryFolder();
  const pixels = readFileSync(digits('images.u8'));
  for (let index = 0; index < count; index += 1) {
    const item = Float32Array.from(pixels.subarray(index * 64, (index + 1) * 64), (pixel) => pixel / 16);
    writeFileSync(join(folder, `${String(index).padStart(3, '0')}.f32`), new Uint8Array(item.buffer));
  }
  return folder;
}

function filesIn(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  );
}

describe('sluice compile', { timeout: 60_000 }, () => {
  it('writes program, models and reports; the same again in their place', () => {
    const folder = temporaryFolder();
    const output = join(folder, 'out');
    const calibration = digitSamples();
    const args = [
      'compile',
      digits('digits_cnn_f32.onnx'),
      '-c',
      'ci',
      '--calibration',
      calibration,
      '-o',
      output,
    ];
    const first = sluice(...args);
    expect([first.status, first.stderr]).toEqual([0, expect.stringMatching(/^ +\d+ % {2}import$/m)]);
    expect(first.stdout).toMatch(/^latency .*estimated, uncalibrated/m);
    const before = filesIn(output);
    expect(Object.keys(before)).toEqual(
      expect.arrayContaining([
        'program.npu',
        'model.canonical.onnx',
        'bindings.json',
        'report.json',
        'report.txt',
        'report.html',
      ]),
    );
    const report = JSON.parse(readFileSync(join(output, 'report.json'), 'utf8')) as CompileReport;
    expect(report.layers.length).toBeGreaterThan(2);
    expect(report.verification.programItems).toBeGreaterThan(16);
    const page = readFileSync(join(output, 'report.html'), 'utf8');
    for (const { name } of report.layers) expect(page).toContain(`title="${name}"`);
    const second = sluice(...args);
    expect(second.status).toBe(0);
    expect(filesIn(output)).toEqual(before);
    expect(readdirSync(folder)).toEqual(['out']);
  });

  it('tells progress as JSON lines and the report as one document with --json', () => {
    const output = join(temporaryFolder(), 'out');
    const { status, stdout, stderr } = sluice(
      ...['--json', 'compile', digits('digits_cnn_qdq_pc.onnx'), '-c', 'ci', '-o', output],
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ configuration: { name: 'ci' } });
    const stages = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { stage: string; fraction: number });
    expect(stages.map(({ stage }) => stage)).toContain('verify');
    for (const { fraction } of stages) expect(fraction).toBeLessThanOrEqual(1);
  });

  it('measures accuracy with labels', () => {
    const folder = temporaryFolder();
    const labels = join(folder, 'labels.txt');
    writeFileSync(labels, '0\n'.repeat(16));
    const { status, stdout, stderr } = sluice(
      ...['compile', digits('digits_cnn_f32.onnx'), '-c', 'ci', '-o', join(folder, 'out')],
      ...['--calibration', digitSamples(), '--labels', labels, '--report', '--quantise', 'min-max'],
    );
    expect([status, stderr]).toEqual([0, expect.any(String)]);
    expect(stdout).toMatch(/^accuracy +\d+\.\d\d % in int8, \d+\.\d\d % in float$/m);
  });

  it("never replaces a folder with somebody's files, and says so before compiling", () => {
    const output = temporaryFolder();
    writeFileSync(join(output, 'thesis.txt'), 'irreplaceable');
    const { status, stderr } = sluice('compile', digits('digits_cnn_qdq_pc.onnx'), '-c', 'ci', '-o', output);
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^sluice: .*\[usage\]\n$/)]);
    expect(readdirSync(output)).toEqual(['thesis.txt']);
  });

  it.each<[string, (folder: string) => string[], string]>([
    ['no ONNX', (folder) => [file(folder, 'm.onnx', 'hello')], 'model_invalid'],
    ['no samples for a float model', () => [digits('digits_cnn_f32.onnx')], 'tensor_data'],
    [
      'an empty calibration folder',
      (folder) => [digits('digits_cnn_f32.onnx'), '--calibration', emptyFolder(folder)],
      'tensor_data',
    ],
    ['an unknown method', () => [digits('digits_cnn_f32.onnx'), '--quantise', 'magic'], 'usage'],
    ['a shape that is none', () => [digits('digits_cnn_f32.onnx'), '--shape', 'input'], 'usage'],
    [
      'a folder that is not there',
      () => [digits('digits_cnn_f32.onnx'), '--calibration', '/nowhere'],
      'usage',
    ],
  ])('%s is one line, and nothing is written', (_what, argsOf, code) => {
    const folder = temporaryFolder();
    const output = join(folder, 'out');
    const { status, stderr } = sluice('--json', 'compile', ...argsOf(folder), '-c', 'ci', '-o', output);
    const lines = stderr.trimEnd().split('\n');
    expect([status, JSON.parse(lines.at(-1) ?? '')]).toMatchObject([
      code === 'usage' ? 2 : 1,
      { error: { code } },
    ]);
    expect(existsSync(output)).toBe(false);
  });

  // While ONNX Runtime computes in its thread too, where ending the thread would end the process.
  it.each([
    ['import', 0],
    ['quantise', 0],
    ['quantise', 300],
    ['quantise', 900],
    ['verify', 50],
  ])('leaves nothing behind after Ctrl-C at %s and %i ms', async (stage, delayMs) => {
    const folder = temporaryFolder();
    const model = file(folder, 'model.onnx', floatMobileNetV2({ resolution: 96, width: 0.5 }));
    const calibration = emptyFolder(folder);
    for (let sample = 0; sample < 24; sample += 1) {
      const floats = Float32Array.from({ length: 3 * 96 * 96 }, (_, index) => Math.sin(sample + index));
      writeFileSync(join(calibration, `${sample}.f32`), new Uint8Array(floats.buffer));
    }
    const child = spawn(process.execPath, [
      ...[entry, 'compile', model, '-c', 'kv260-m', '--calibration', calibration],
      ...['-o', join(folder, 'out')],
    ]);
    let told = '';
    let isStopped = false;
    const stop = (): void => void child.kill('SIGINT');
    child.stderr.on('data', (piece) => {
      told += piece;
      // Once only: a second Ctrl-C ends the process on the spot.
      if (!told.includes(stage) || isStopped) return;
      isStopped = true;
      setTimeout(stop, delayMs);
    });
    const [code] = (await once(child, 'close')) as [number | null];
    expect([code, told]).toEqual([1, expect.stringMatching(/^sluice: .*\[cancelled\]$/m)]);
    expect(readdirSync(folder).sort()).toEqual(['model.onnx', 'samples']);
  });
});

function file(folder: string, name: string, bytes: Uint8Array | string): string {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
}

function emptyFolder(folder: string): string {
  const path = join(folder, 'samples');
  mkdirSync(path);
  return path;
}

describe('sluice explore', () => {
  it('prints a table, or one JSON document', () => {
    const model = digits('digits_cnn_f32.onnx');
    const text = sluice('explore', model);
    expect([text.status, text.stdout]).toEqual([0, expect.stringMatching(/^\* +kv260-m +K26 /m)]);
    expect(text.stdout).toContain('Estimated, uncalibrated');
    const json = sluice('--json', 'explore', model);
    expect(JSON.parse(json.stdout)).toMatchObject({
      label: 'estimated',
      rows: expect.arrayContaining([expect.objectContaining({ configuration: 'ci', fitsPart: false })]),
    });
  });

  it('into a pipe that closes is no error', () => {
    const line = `'${process.execPath}' '${entry}' explore --help | true; exit \${PIPESTATUS[0]}`;
    const { status, stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('of a model that no NPU runs is one line', () => {
    const { status, stderr } = sluice('explore', repositoryPath('README.md'));
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^sluice: .*\[model_invalid\]$/m)]);
  });
});
