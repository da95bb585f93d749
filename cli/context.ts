import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from '#typebox';
import { isNotFound, writeFileDurably } from '../base/durable-files.ts';
import { parserOf } from '../base/validate.ts';
import { SluiceError } from '../contract/errors.ts';
import { stateFolders } from './global-options.ts';
import { WorkspaceClient } from './workspace-client.ts';

const Endpoint = Type.Object(
  { apiUrl: Type.String(), mqttUrl: Type.String() },
  { additionalProperties: false },
);
const endpointParser = parserOf(Endpoint, { what: 'workspace/endpoint.json', code: 'state_invalid' });

/** Where the workspace of a state folder listens, for commands on the same machine. */
export async function writeEndpoint(state: string, endpoint: Type.Static<typeof Endpoint>): Promise<void> {
  await writeFileDurably(join(stateFolders(state).workspace, 'endpoint.json'), JSON.stringify(endpoint));
}

async function readEndpoint(state: string): Promise<Type.Static<typeof Endpoint> | undefined> {
  return readOptional(join(stateFolders(state).workspace, 'endpoint.json')).then((text) =>
    text === undefined ? undefined : endpointParser.parseJson(text),
  );
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined;
    throw thrown;
  }
}

/**
 * A client of the workspace: `--workspace` and `SLUICE_TOKEN`, or what the workspace of `--state` wrote down.
 * Throws `workspace_unreachable` or `unauthorized` that says which is missing.
 */
export async function connectWorkspace(options: {
  state: string;
  workspace?: string;
}): Promise<WorkspaceClient> {
  const url = options.workspace ?? (await readEndpoint(options.state))?.apiUrl;
  if (url === undefined) {
    throw new SluiceError(
      'workspace_unreachable',
      `no workspace has run in ${options.state}: start one with \`sluice workspace start\`, or name one with --workspace URL`,
    );
  }
  const token =
    process.env.SLUICE_TOKEN ??
    (await readOptional(join(stateFolders(options.state).workspace, 'admin-token')));
  if (token === undefined) {
    throw new SluiceError(
      'unauthorized',
      `no token for ${url}: set SLUICE_TOKEN to the content of the workspace's admin-token file, or use its --state`,
    );
  }
  // fetch would refuse it as well, with a message that shows it.
  if (!/^[\x21-\x7e]+$/.test(token.trim())) {
    throw new SluiceError(
      'unauthorized',
      `the token for ${url} is empty or has characters that no token has: set SLUICE_TOKEN to the content of the workspace's admin-token file`,
    );
  }
  return new WorkspaceClient({ url, token: token.trim() });
}
