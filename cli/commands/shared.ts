import { statSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { limits } from '../../contract/limits.ts';

/** Adds `--workspace URL` to a command that talks to the workspace. */
export function workspaceOption(command: Command): Command {
  return command.option(
    '-w, --workspace <url>',
    'address of the workspace (default: the one that runs in --state); its token comes from SLUICE_TOKEN or --state',
  );
}

/** Argument parser: a file that exists. */
export function existingFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new InvalidArgumentError(`There is no file ${path}.`);
  }
  return path;
}

/** Argument parser: a TCP port. */
export function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535) {
    throw new InvalidArgumentError('A port is a whole number from 0 to 65535.');
  }
  return port;
}

/** Argument parser: a TCP port, or `none` for no TCP. */
export function portOrNone(text: string): number | null {
  return text === 'none' ? null : portNumber(text);
}

/** Argument parser: permission bits of a file, octal. */
export function fileMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text))
    throw new InvalidArgumentError('A mode is three octal digits, such as 660.');
  return Number.parseInt(text, 8);
}

/** Argument parser: a number of processes. */
export function processCount(text: string): number {
  const count = Number(text);
  if (!/^\d{1,2}$/.test(text) || count < 1 || count > limits.scoringProcessesMax) {
    throw new InvalidArgumentError(
      `A number of processes is a whole number from 1 to ${limits.scoringProcessesMax}.`,
    );
  }
  return count;
}

/** Argument parser: the number of a board. */
export function deviceIndex(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('A board is a whole number from 0 to 999.');
  return Number(text);
}

/** Argument parser: a whole number of MiB. */
export function wholeMebibytes(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('Expected a whole number of MiB, such as 256.');
  return Number(text);
}

/** Argument parser: a whole number from 1 to a maximum. */
export function wholeNumber(maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= 1 && value <= maximum) return value;
    throw new InvalidArgumentError(`A whole number from 1 to ${maximum} was expected.`);
  };
}

/** Argument parser for an option that may be given several times. */
export function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

/** Argument parser: one of a closed list. */
export function oneOf(choices: readonly string[]): (text: string) => string {
  return (text) => {
    if (!choices.includes(text)) throw new InvalidArgumentError(`Choose one of: ${choices.join(', ')}.`);
    return text;
  };
}

/** Argument parser: the address of a collector, which every user of the machine can read among the arguments. */
export function collectorUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError('A collector is an address such as http://127.0.0.1:4318.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new InvalidArgumentError(
      'Credentials are not taken in an address; run a collector on this machine.',
    );
  }
  return text;
}

/** Argument parser: a part of a whole. */
export function ratio(text: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value > 1)
    throw new InvalidArgumentError('A ratio is a number from 0 to 1.');
  return value;
}
