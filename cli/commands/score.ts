import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { isErrorCode, SluiceError } from '../../contract/errors.ts';
import { reasonOf } from '../fetch-reason.ts';
import { globalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { existingFile } from './shared.ts';

const contentTypes: Record<string, string> = {
  '.json': 'application/json',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.csv': 'text/csv',
};

interface ScoreOptions {
  endpoint: string;
  deployment?: string;
  key?: string;
  route?: string;
}

/** `sluice score`. */
export function addScoreCommand(program: Command): void {
  program
    .command('score')
    .description('send a file to a scoring endpoint and print the answer')
    .argument('<file>', 'request body: JSON, an image, or whatever the scoring script takes', existingFile)
    .option('-e, --endpoint <url>', 'address of the device', 'http://127.0.0.1:5001')
    .option('-d, --deployment <name>', 'endpoint or deployment, where the device serves several')
    .option('-k, --key <key>', 'key of the endpoint, if it asks for one (default: SLUICE_ENDPOINT_KEY)')
    .addOption(
      new Option('-r, --route <route>', 'ask for a route').choices(['auto', 'cpu', 'fpga', 'fpga-sim']),
    )
    .addHelpText('after', '\nExample: sluice score samples/fashion/ankle-boot.png --route cpu')
    .action(async (file: string, options: ScoreOptions, command: Command) => {
      const global = globalOptions(command);
      const value = await score(file, options);
      printResult({
        json: global.json,
        value,
        toText: () => `${JSON.stringify(value.answer, null, 2)}\nroute ${value.route}  image ${value.image}`,
      });
    });
}

async function score(file: string, options: ScoreOptions) {
  const path =
    options.deployment === undefined
      ? '/score'
      : `/api/v1/service/${encodeURIComponent(options.deployment)}/score`;
  const { route, key = process.env.SLUICE_ENDPOINT_KEY } = options;
  const headers = {
    ...(route === undefined ? {} : { 'x-sluice-route': route }),
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  };
  const response = await post(`${options.endpoint.replace(/\/+$/, '')}${path}`, file, headers);
  const text = await response.text();
  if (!response.ok) throw readError(text, response.status);
  return {
    answer: parseAnswer(text),
    route: response.headers.get('x-sluice-route'),
    image: response.headers.get('x-sluice-image'),
  };
}

async function post(url: string, file: string, headers: Record<string, string>): Promise<Response> {
  const body = await readFile(file);
  try {
    return await fetch(url, {
      method: 'POST',
      body,
      headers: {
        'content-type': contentTypes[extname(file).toLowerCase()] ?? 'application/octet-stream',
        ...headers,
      },
    });
  } catch (thrown) {
    throw new SluiceError(
      'not_ready',
      `nothing answers at ${url} (${reasonOf(thrown)}): start a device with \`sluice up\` or \`sluice agent start\`, or name another with --endpoint`,
      { cause: thrown },
    );
  }
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function readError(text: string, status: number): SluiceError {
  const body = parseAnswer(text);
  if (typeof body === 'object' && body !== null && 'code' in body && 'message' in body) {
    const { code, message } = body;
    if (typeof code === 'string' && isErrorCode(code)) return new SluiceError(code, String(message));
  }
  return new SluiceError('internal', `the endpoint answered with status ${status} and no reason`);
}
