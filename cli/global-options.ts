import { join } from 'node:path';
import type { Command } from 'commander';

/** Options that every command takes. */
export interface GlobalOptions {
  json: boolean;
  state: string;
  logLevel: string;
}

/** Reads the options of the root command from any of its subcommands. */
export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}

/** Folders below `--state`. */
export function stateFolders(state: string): { workspace: string; device(name: string): string } {
  return { workspace: join(state, 'workspace'), device: (name) => join(state, 'devices', name) };
}
