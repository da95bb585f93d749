import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';

const entry = repositoryPath('programs', 'cli', 'main.js');

function sluice(args: string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [entry, ...args], { encoding: 'utf8', env: { ...process.env, ...env } });
}

const build = ['image', 'build', '-n', 'vad', '-m', 'vad:1'];

describe('errors of the command line', () => {
  it.each([
    ['an unknown option', ['--bogus']],
    ['a misspelt command', ['scroe']],
    ['an empty port', ['up', '--port', '']],
    ['a port in another notation', ['up', '--port', '0x50']],
    ['a state without an output', [...build, '--sequence-state', 'state']],
    ['sequences without a state', [...build, '--sequences-max', '3']],
    ['a missing file', ['score', '/nonexistent']],
    ['a share beyond all', ['image', 'build', '-n', 'a', '-m', 'a:1', '-a', 'kv260-m', '--shadow', '1.5']],
    ['a share of one route', ['image', 'build', '-n', 'a', '-m', 'a:1', '--shadow', '0.01']],
  ])('%s is one line and exit code 2', (_what, args) => {
    const text = sluice(args);
    expect([text.status, text.stderr.trimEnd().split('\n')]).toEqual([
      2,
      [expect.stringMatching(/^sluice: .* \[usage\]$/)],
    ]);
    const json = sluice(['--json', ...args]);
    expect([json.status, JSON.parse(json.stderr)]).toMatchObject([2, { error: { code: 'usage' } }]);
  });

  it('never shows a token', () => {
    const { status, stderr } = sluice(['device', 'list', '-w', 'http://127.0.0.1:9'], {
      SLUICE_TOKEN: 'secret\nvalue',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('[unauthorized]');
    expect(stderr).not.toMatch(/secret|value/);
  });
});

it('Ctrl-C stops `sluice up` also while it is coming up', { timeout: 60_000 }, async () => {
  for (const delayMs of [250, 350, 450]) {
    const child = spawn(process.execPath, [entry, 'up', '--port', '0', '--state', temporaryFolder()]);
    child.stdout.resume();
    await sleep(delayMs);
    child.kill('SIGINT');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    clearTimeout(timer);
    expect([0, 'SIGINT']).toContain(code ?? signal);
  }
});
