#!/usr/bin/env node
import '../ort/disable-telemetry.ts';
import { Command, CommanderError } from 'commander';
import { logLevels } from '../base/logger.ts';
import { sluiceVersion } from '../base/version.ts';
import { SluiceError, toSluiceError } from '../contract/errors.ts';
import { addAgentCommands } from './commands/agent.ts';
import { addCompileCommand } from './commands/compile.ts';
import { addDeployCommands } from './commands/deploy.ts';
import { addDeviceCommands } from './commands/device.ts';
import { addEndpointCommands } from './commands/endpoint.ts';
import { addExploreCommand } from './commands/explore.ts';
import { addImageCommands } from './commands/image.ts';
import { addModelCommands } from './commands/model.ts';
import { addScoreCommand } from './commands/score.ts';
import { oneOf } from './commands/shared.ts';
import { addUpCommand } from './commands/up.ts';
import { addWorkspaceCommands } from './commands/workspace.ts';
import { exitCodes, printError } from './output.ts';

function buildProgram(): Command {
  const program = new Command('sluice')
    .description('Edge inference: one image, the same bits on FPGA and CPU.')
    .version(sluiceVersion)
    .option('--json', 'print one JSON document instead of text', false)
    .option('--state <folder>', 'where workspace and devices of this machine keep their state', '.sluice')
    .option('--log-level <level>', logLevels.join(', '), oneOf(logLevels), 'warn')
    .configureOutput({ outputError: (text) => printError(usageError(text), process.argv.includes('--json')) })
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong command line.')
    .exitOverride();
  addUpCommand(program);
  addWorkspaceCommands(program);
  addAgentCommands(program);
  addDeviceCommands(program);
  addModelCommands(program);
  addCompileCommand(program);
  addExploreCommand(program);
  addImageCommands(program);
  addDeployCommands(program);
  addEndpointCommands(program);
  addScoreCommand(program);
  for (const command of program.commands) exitThrough(command);
  return program;
}

/** Commander copies `exitOverride` to subcommands made after it only; this reaches all of them. */
function exitThrough(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) exitThrough(child);
}

/** Commander's message, which may have a line of suggestions, as one of our errors. */
function usageError(text: string): SluiceError {
  const reason = text.replace(/^error: /, '').trim();
  return new SluiceError('usage', `${reason.replace(/[.!]$/, '')}; add --help for the options`);
}

async function main(): Promise<number> {
  const program = buildProgram();
  try {
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
