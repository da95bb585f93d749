import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addCommands, commands } from '../../../cli/commands.ts';

async function namesAdded(args: readonly string[]): Promise<string[]> {
  const program = new Command('sluice').option('--json').option('--state <folder>').exitOverride();
  await addCommands(program, args);
  return program.commands.map((command) => command.name());
}

describe('commands', () => {
  const all = Object.keys(commands);

  it.each(all)('%s is added alone when it is asked for', async (name) => {
    expect(await namesAdded([name])).toEqual([name]);
    expect(await namesAdded(['--state', 'up', '--json', name, '--help'])).toEqual([name]);
  });

  it.each([[[]], [['--help']], [['help', 'agent']], [['agnt']], [['constructor']], [['--help', 'agent']]])(
    'all are for %j',
    async (args) => {
      expect(await namesAdded(args)).toEqual(all);
    },
  );
});
