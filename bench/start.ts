import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { scoringEnvironment, scoringNodeOptions } from '../agent/supervise/scoring-environment.ts';
import { type Contender, compare, type Measurement } from './measure.ts';

/** Trees with the same programs: modules as they are compiled, and bundles of them. */
const trees = { 'modules of dist/': '../../dist/', 'bundles of programs/': '../../programs/' };
const options = { rounds: 7, callsPerRound: 1 };

/** How long programs take to start, from bundles against from their modules. */
export async function benchStart(): Promise<Record<string, Measurement[]>> {
  return {
    'the scoring process, until it listens': await compare(contenders(listen), options),
    'sluice --version': await compare(contenders(printVersion), options),
    'sluice agent start --help': await compare(contenders(printHelp), options),
  };
}

function contenders(start: (tree: string) => void | Promise<void>): Contender[] {
  return Object.entries(trees).map(([name, tree]) => ({ name, run: () => start(tree) }));
}

function pathIn(tree: string, program: string): string {
  return fileURLToPath(new URL(`${tree}${program}`, import.meta.url));
}

function printVersion(tree: string): void {
  execFileSync(process.execPath, [pathIn(tree, 'cli/main.js'), '--version']);
}

function printHelp(tree: string): void {
  execFileSync(process.execPath, [pathIn(tree, 'cli/main.js'), 'agent', 'start', '--help']);
}

async function listen(tree: string): Promise<void> {
  const start = { host: '127.0.0.1', port: 0, blobRoot: '.', npu: null, logLevel: 'error' };
  const child = fork(pathIn(tree, 'agent/scoring/main.js'), [JSON.stringify(start)], {
    execArgv: [...scoringNodeOptions],
    env: scoringEnvironment(process.env),
  });
  const [message] = (await once(child, 'message')) as [{ type: string }];
  if (message.type !== 'listening') throw new Error(`scoring process: ${JSON.stringify(message)}`);
  child.kill('SIGKILL');
  await once(child, 'exit');
}
