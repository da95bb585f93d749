import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';

const commandLine = repositoryPath('programs', 'cli', 'main.js');
const readyMs = 40_000;

/** A process of the command with what it has printed. */
class Command {
  readonly child: ChildProcess;
  /** Both streams, as a terminal shows them. */
  output = '';
  /** Standard output alone. */
  printedOut = '';
  readonly ended: Promise<number | null>;

  constructor(parameters: string[]) {
    this.child = spawn(process.execPath, [commandLine, ...parameters], {
      cwd: repositoryPath(),
      // A process group of its own, so that a signal reaches all of it as Ctrl-C in a terminal does.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, INIT_CWD: repositoryPath() },
    });
    this.child.stdout?.on('data', (piece) => {
      this.output += piece;
      this.printedOut += piece;
    });
    this.child.stderr?.on('data', (piece) => {
      this.output += piece;
    });
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    onTestFinished(async () => {
      this.signal('SIGKILL');
      await this.ended;
    });
  }

  signal(name: NodeJS.Signals): void {
    try {
      process.kill(-(this.child.pid ?? 0), name);
    } catch {
      // It has ended already.
    }
  }

  async printed(text: string): Promise<void> {
    const deadline = performance.now() + readyMs;
    while (!this.output.includes(text)) {
      if (performance.now() > deadline || this.child.exitCode !== null) {
        throw new Error(`"${text}" was never printed:\n${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Runs a line that `sluice up` printed, as a person would paste it. */
async function paste(line: string): Promise<{ code: number | null; text: string }> {
  const shell = spawn('sh', ['-c', line], { cwd: repositoryPath() });
  let text = '';
  shell.stdout.on('data', (piece) => {
    text += piece;
  });
  return { code: await new Promise((resolve) => shell.once('close', resolve)), text };
}

describe('sluice up', () => {
  it('prints lines that work when pasted, stops cleanly and finds its state again', async () => {
    const state = temporaryFolder();
    const up = ['up', '--port', '0', '--state', state];
    const first = new Command(up);
    await first.printed('Ctrl-C stops everything');
    for (const stage of ['workspace', 'model', 'image', 'deploy', 'device']) {
      expect(first.output).toMatch(new RegExp(`^${stage} +\\S`, 'm'));
    }
    expect(first.output).toMatch(/image pulled, ([\d,]+) of \1 bytes/);
    const lines = first.output.split('\n').filter((line) => line.startsWith('curl '));
    expect(lines).toHaveLength(3);
    const answers = await Promise.all(lines.map((line) => paste(line)));
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 0]);
    const readme = await readFile(repositoryPath('README.md'), 'utf8');
    const documented = [...readme.matchAll(/```json\n(.*)\n```/g)].map((match) => match[1]);
    expect(answers.map(({ text }) => text)).toEqual(documented);

    first.signal('SIGINT');
    expect(await first.ended).toBe(0);

    const second = new Command(up);
    await second.printed('Ctrl-C stops everything');
    expect(second.output).toMatch(/fashion:1 registered/);
    expect(second.output).toMatch(/fashion:1 built/);
    expect(second.output).not.toMatch(/image pulled/);
    second.signal('SIGINT');
    expect(await second.ended).toBe(0);
  }, 90_000);

  it('names a port that is in use, and the flag', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const command = new Command(['up', '--port', String(port), '--state', temporaryFolder()]);
    expect(await command.ended).toBe(1);
    expect(command.output).toMatch(/^sluice: .*\n$/);
    expect(command.output).toContain(String(port));
    expect(command.output).toContain('--port');
  }, 60_000);
});

describe('the command line', () => {
  it.each([
    [['--help']],
    [['workspace', 'start', '--help']],
    [['agent', 'start', '--help']],
    [['image', 'build', '--help']],
    [['deploy', 'create', '--help']],
  ])('explains %s', async (parameters) => {
    const command = new Command(parameters);
    expect(await command.ended).toBe(0);
    expect(command.output).toContain('Usage: sluice');
  });

  it.each([
    ['an unknown command', ['fly']],
    ['a missing option', ['agent', 'start']],
    ['a file that is not there', ['score', 'no-such-file.png']],
    ['a port that is none', ['up', '--port', 'x']],
  ])('exits with 2 for %s', async (_, parameters) => {
    expect(await new Command(parameters).ended).toBe(2);
  });

  it('says in one line, or as JSON, what is wrong and what to do', async () => {
    const state = temporaryFolder();
    const text = new Command(['--state', state, 'model', 'list']);
    expect(await text.ended).toBe(1);
    expect(text.output).toMatch(
      /^sluice: no workspace has run in .*sluice workspace start.*\[workspace_unreachable\]\n$/,
    );
    const json = new Command(['--state', state, '--json', 'model', 'list']);
    expect(await json.ended).toBe(1);
    expect(JSON.parse(json.output).error.code).toBe('workspace_unreachable');
  });

  it('runs every step by hand against a workspace and a device', async () => {
    const state = temporaryFolder();
    const run = async (...parameters: string[]) => {
      const command = new Command(['--state', state, '--json', ...parameters]);
      expect([await command.ended, parameters]).toEqual([0, parameters]);
      return JSON.parse(command.printedOut);
    };
    const workspace = new Command([
      '--state',
      state,
      'workspace',
      'start',
      '--api-port',
      '0',
      '--mqtt-port',
      '0',
    ]);
    await workspace.printed('Ctrl-C stops it.');
    const apiUrl = /API +(\S+)/.exec(workspace.output)?.[1] ?? '';
    const { token } = await run('device', 'add', 'press-4');
    await run('model', 'register', 'samples/fashion/model.onnx', '--name', 'fashion');
    expect(await run('model', 'list')).toHaveLength(1);
    const image = await run('image', 'build', '--name', 'shoes', '--model', 'fashion:1', '--route', 'cpu');
    // Beside what was built, what devices run of it.
    expect(await run('image', 'show', 'shoes:1')).toMatchObject({
      ...image,
      run: { name: 'shoes', version: 1 },
    });
    expect(await run('image', 'list')).toHaveLength(1);
    const agent = new Command([
      ...['--state', state, '--json', 'agent', 'start', '--workspace', apiUrl, '--device', 'press-4'],
      ...['--token', token, '--port', '0', '--npu', 'none'],
    ]);
    await run('deploy', 'create', 'shoes', '--image', 'shoes:1', '--device', 'press-4');
    await agent.printed('"serving"');
    const told = agent.printedOut.trimEnd().split('\n');
    const { port } = told.map((line) => JSON.parse(line)).find(({ type }) => type === 'listening');
    const request = repositoryPath('samples', 'fashion', 'infer.json');
    const body = JSON.parse(await readFile(request, 'utf8'));
    const scored = await fetch(`http://127.0.0.1:${port}/v2/models/shoes/infer`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    expect(scored.headers.get('x-sluice-image')).toBe(image.digest);
    expect((await run('deploy', 'show', 'shoes')).devices[0].name).toBe('press-4');
    expect((await run('device', 'list'))[0].presence.state).toBe('online');
    await run('deploy', 'delete', 'shoes');
    expect(await run('deploy', 'list')).toEqual([]);
    agent.signal('SIGTERM');
    expect(await agent.ended).toBe(0);
    workspace.signal('SIGTERM');
    expect(await workspace.ended).toBe(0);
  }, 60_000);
});
