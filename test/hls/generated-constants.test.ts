import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';

function generate(root: string, ...parameters: string[]): { status: number | null; stderr: string } {
  const script = join(root, 'scripts/generate-npu-constants.mjs');
  return spawnSync(process.execPath, [script, ...parameters], { encoding: 'utf8' });
}

/** A copy of the sources and of what is generated from them. */
function copyOfSources(): string {
  const folder = temporaryFolder();
  const parts = ['scripts/generate-npu-constants.mjs', 'scripts/npu-constants', 'hls/isa', 'hls/config'];
  for (const part of [...parts, 'contract/npu']) {
    cpSync(repositoryPath(part), join(folder, part), { recursive: true });
  }
  return folder;
}

function changeConfiguration(root: string, change: Record<string, unknown>): void {
  const path = join(root, 'hls/config/ci.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
}

function boardOf(root: string): object {
  return JSON.parse(readFileSync(join(root, 'hls/config/ci.json'), 'utf8')).board;
}

function hashIn(root: string): string | undefined {
  const text = readFileSync(join(root, 'contract/npu/hardware.generated.ts'), 'utf8');
  return /hash: '([0-9a-f]{64})'/.exec(text)?.[1];
}

describe('generate-npu-constants', () => {
  it('finds the committed files fresh', () => {
    const { status, stderr } = generate(repositoryPath(), '--check');
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('names each stale file, and mends it', () => {
    const root = copyOfSources();
    changeConfiguration(root, { weightTiles: 64 });
    const checked = generate(root, '--check');
    expect(checked.status).toBe(1);
    expect(checked.stderr).toContain('hls/config/generated/ci.hpp');
    expect(checked.stderr).toContain('contract/npu/hardware.generated.ts');
    expect(generate(root).status).toBe(0);
    expect(generate(root, '--check').status).toBe(0);
    expect(hashIn(root)).not.toBe(hardwareConfigurations.ci?.hash);
  });

  it('keeps the hash when only the clock, the board or the description changes', () => {
    const root = copyOfSources();
    changeConfiguration(root, { clockMhz: 123, description: 'another', board: { ...boardOf(root), dsp: 1 } });
    expect(generate(root).status).toBe(0);
    expect(hashIn(root)).toBe(hardwareConfigurations.ci?.hash);
  });

  it.each([
    { activationLines: 16_385 },
    { parameterBlocks: 1025 },
    { weightTiles: 0 },
    { tableSlots: 8 },
    { vectorParallel: 3 },
    { inputParallel: 12, outputParallel: 12 },
    { outputParallel: 16 },
  ])('refuses sizes that no instruction can address or the array cannot have: %j', (change) => {
    const root = copyOfSources();
    changeConfiguration(root, change);
    expect(generate(root).status).toBe(1);
  });
});
