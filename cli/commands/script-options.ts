import { basename } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { SluiceError } from '../../contract/errors.ts';
import type { RunManifest } from '../../contract/image.ts';
import type { BuildImage } from '../../contract/workspace-api.ts';
import { bundleScript } from '../bundle-script.ts';
import type { WorkspaceClient } from '../workspace-client.ts';
import { collect, existingFile, wholeNumber } from './shared.ts';

/** A file for the script: where it is, and its path in the image. */
interface FileChoice {
  file: string;
  path: string;
}

/** Options of a command that builds an image with a scoring script. */
export interface ScriptChoices {
  /** Path of the scoring script, not yet bundled. */
  script?: string;
  scriptTimeoutMs?: number;
  scriptMemoryMib?: number;
  file?: FileChoice[];
  grantNetwork?: string[];
  grantRead?: string[];
}

/** Adds them to a command. */
export function addScriptOptions(command: Command): Command {
  return command
    .option(
      '-s, --script <file>',
      'scoring script (JavaScript or TypeScript), bundled with its imports',
      existingFile,
    )
    .option('--script-timeout-ms <ms>', 'what one run of the script may take', wholeNumber(3_600_000))
    .option('--script-memory-mib <MiB>', 'JavaScript heap of the script', wholeNumber(65_536))
    .option('--file <[path=]file>', 'file that the script may read, under this path (repeatable)', fileOption)
    .option(
      '--grant-network <origin>',
      'origin that the script may fetch from, such as https://api.example (repeatable)',
      collect,
    )
    .option(
      '--grant-read <path>',
      'file or folder of the device that the script may read (repeatable)',
      collect,
    );
}

/** Bundles the script and uploads it with its files. Throws `usage` for options without a script. */
export async function uploadScript(
  client: WorkspaceClient,
  choices: ScriptChoices,
): Promise<Pick<BuildImage, 'script' | 'scriptSettings' | 'files'>> {
  const { script, scriptTimeoutMs: timeoutMs, scriptMemoryMib: heapMiB, file = [] } = choices;
  const { grantNetwork: network, grantRead: read } = choices;
  const settings = {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(heapMiB === undefined ? {} : { heapMiB }),
    ...((network ?? read) === undefined
      ? {}
      : {
          grants: { ...(network === undefined ? {} : { network }), ...(read === undefined ? {} : { read }) },
        }),
  };
  const hasSettings = Object.keys(settings).length > 0;
  if (script === undefined) {
    if (!hasSettings && file.length === 0) return {};
    throw new SluiceError('usage', '--script-…, --file and --grant-… are for a scoring script; add --script');
  }
  const files = [];
  for (const each of file) files.push({ path: each.path, digest: await client.uploadFile(each.file) });
  return {
    script: await client.uploadBytes(await bundleScript(script)),
    ...(hasSettings ? { scriptSettings: settings } : {}),
    ...(files.length === 0 ? {} : { files }),
  };
}

/** What a script may reach, in words; one line each. */
export function describeGrants({ script }: RunManifest): string[] {
  if (script === undefined) return [];
  const { timeoutMs, heapMiB, grants } = script;
  const granted = [
    ...(grants?.network ?? []).map((origin) => `may fetch from ${origin}`),
    ...(grants?.read ?? []).map((path) => `may read ${path}`),
  ];
  const [first = 'no network, no files of the device', ...others] = granted;
  return [
    `script   ${timeoutMs} ms, ${heapMiB} MiB of heap`,
    `grants   ${first}`,
    ...others.map((line) => `         ${line}`),
  ];
}

function fileOption(text: string, previous: FileChoice[] = []): FileChoice[] {
  const end = text.indexOf('=');
  const file = existingFile(text.slice(end + 1));
  const path = end < 0 ? basename(file) : text.slice(0, end);
  if (path === '')
    throw new InvalidArgumentError('Expected a path in front of =, such as data/labels.txt=labels.txt.');
  return [...previous, { file, path }];
}
