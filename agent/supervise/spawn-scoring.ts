import { type ChildProcess, fork } from 'node:child_process';
import { scoringEnvironment, scoringNodeOptions } from './scoring-environment.ts';

/** Stands for the argument of a scoring process that is told it later, in its first message. */
export const toldLater = '-';

/** Where one scoring process begins. */
export const scoringEntry = new URL('../scoring/main.js', import.meta.url);

/** Starts a scoring process. With `toldLater` it loads its modules, as long as it is not known what it shall do. */
export function spawnScoring(entry: URL, argument: string): ChildProcess {
  // Both outputs go to standard error: standard output is for results.
  const child = fork(entry, [argument], {
    execArgv: [...scoringNodeOptions],
    stdio: ['ignore', 2, 2, 'ipc'],
    env: scoringEnvironment(process.env),
  });
  // Whoever uses it looks whether it runs; until then nobody listens, and an error would end this process.
  child.on('error', () => undefined);
  return child;
}
