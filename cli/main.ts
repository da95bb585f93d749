#!/usr/bin/env node
import '../ort/disable-telemetry.ts';
import { Command, CommanderError } from 'commander';
import { logLevels } from '../base/log-levels.ts';
import { sluiceVersion } from '../base/version.ts';
import { SluiceError, toSluiceError } from '../contract/errors.ts';
import { oneOf } from './commands/shared.ts';
import { addCommands } from './commands.ts';
import { exitCodes, printError } from './output.ts';

function rootCommand(): Command {
  return new Command('sluice')
    .description('Edge inference: one image, the same bits on FPGA and CPU.')
    .version(sluiceVersion)
    .option('--json', 'print one JSON document instead of text', false)
    .option('--state <folder>', 'where workspace and devices of this machine keep their state', '.sluice')
    .option('--log-level <level>', logLevels.join(', '), oneOf(logLevels), 'warn')
    .configureOutput({ outputError: (text) => printError(usageError(text), process.argv.includes('--json')) })
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong command line.')
    .exitOverride();
}

/** Commander's message, which may have a line of suggestions, as one of our errors. */
function usageError(text: string): SluiceError {
  const reason = text.replace(/^error: /, '').trim();
  return new SluiceError('usage', `${reason.replace(/[.!]$/, '')}; add --help for the options`);
}

async function main(): Promise<number> {
  const program = rootCommand();
  try {
    await addCommands(program, process.argv.slice(2));
    await program.parseAsync();
    return exitCodes.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const error = toSluiceError(thrown);
    printError(error, program.opts<{ json: boolean }>().json);
    return error.code === 'usage' ? exitCodes.usage : exitCodes.failed;
  }
}

// A reader that has seen enough, such as head, is no failure.
process.stdout.on('error', (thrown: NodeJS.ErrnoException) => {
  if (thrown.code === 'EPIPE') process.exit();
  throw thrown;
});
process.exitCode = await main();
