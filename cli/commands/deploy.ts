import { type Command, InvalidArgumentError } from 'commander';
import { SluiceError } from '../../contract/errors.ts';
import { Collection } from '../../contract/messages.ts';
import type { Deployment, Device, PutDeployment } from '../../contract/workspace-api.ts';
import { connectWorkspace } from '../context.ts';
import { globalOptions } from '../global-options.ts';
import { printResult, shortDigest, table } from '../output.ts';
import { reference } from '../reference.ts';
import { collect, ratio, workspaceOption } from './shared.ts';

/** `sluice deploy create|list|show|delete`. */
export function addDeployCommands(program: Command): void {
  const deploy = program.command('deploy').description('put images on devices, each under a name');

  workspaceOption(deploy.command('create'))
    .description('serve an image on devices under a name; the same name again changes it')
    .argument('<name>', 'name of the deployment')
    .requiredOption('-i, --image <name:version>', 'image to serve', reference)
    .requiredOption('-d, --device <name>', 'device to serve it on; may be given several times', collect)
    .option('-e, --endpoint <name>', 'endpoint to belong to: behind its keys, and without traffic at first')
    .option(
      '--collect <collections>',
      `what devices keep of its requests, of ${collections.join(', ')}; none to stop (default: as it was)`,
      collectionList,
    )
    .option('--sampling <ratio>', 'with --collect: part of the requests that is kept (default: 1)', ratio)
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const global = globalOptions(command);
      const client = await connectWorkspace({ ...global, ...options });
      const { image, device: devices, endpoint } = options;
      const joined = endpoint === undefined ? {} : { endpoint };
      const request = { image, devices, ...joined, ...collectField(options) };
      const value = await client.putDeployment(name, request);
      printResult({
        json: global.json,
        value,
        toText: () => `${value.name} serves ${value.image} on ${value.devices.join(', ')}`,
      });
    });

  workspaceOption(deploy.command('list'))
    .description('list deployments')
    .action(async (options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const deployments = await (await connectWorkspace({ ...global, ...options })).listDeployments();
      printResult({ json: global.json, value: deployments, toText: () => deploymentTable(deployments) });
    });

  workspaceOption(deploy.command('show'))
    .description('show a deployment and where each device stands')
    .argument('<name>', 'name of the deployment')
    .action(async (name: string, options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const client = await connectWorkspace({ ...global, ...options });
      const deployment = await client.deployment(name);
      const devices = await Promise.all(deployment.devices.map((device) => client.device(device)));
      printResult({
        json: global.json,
        value: { ...deployment, devices },
        toText: () => `${deploymentTable([deployment])}\n\n${progressTable(name, devices)}`,
      });
    });

  workspaceOption(deploy.command('delete'))
    .description('stop serving a deployment on its devices')
    .argument('<name>', 'name of the deployment')
    .action(async (name: string, options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      await (await connectWorkspace({ ...global, ...options })).deleteDeployment(name);
      printResult({ json: global.json, value: { deleted: name }, toText: () => `${name} deleted` });
    });
}

interface CreateOptions {
  image: string;
  device: string[];
  endpoint?: string;
  collect?: Collection[];
  sampling?: number;
  workspace?: string;
}

const collections = Collection.anyOf.map((literal) => literal.const);

/** Argument parser: collections, or `none`. */
function collectionList(text: string): Collection[] {
  const names = text === 'none' ? [] : text.split(',');
  const known = names.map((name) => collections.find((each) => each === name));
  if (known.includes(undefined) || new Set(known).size < known.length) {
    throw new InvalidArgumentError(`Name some of ${collections.join(', ')}, or none.`);
  }
  return known as Collection[];
}

/** The field `collect` of a request; nothing of it when it is to stay as it was. Throws `usage`. */
function collectField({
  collect: wanted,
  sampling,
}: Pick<CreateOptions, 'collect' | 'sampling'>): Pick<PutDeployment, 'collect'> {
  if (sampling !== undefined && (wanted === undefined || wanted.length === 0)) {
    throw new SluiceError(
      'usage',
      '--sampling: it says how much of --collect is kept; name collections there',
    );
  }
  if (wanted === undefined) return {};
  return { collect: wanted.length === 0 ? null : { collections: wanted, samplingRate: sampling ?? 1 } };
}

function deploymentTable(deployments: Deployment[]): string {
  return table(
    ['DEPLOYMENT', 'IMAGE', 'DIGEST', 'DEVICES', 'COLLECTS', 'UPDATED'],
    deployments.map((deployment) => [
      deployment.name,
      deployment.image,
      shortDigest(deployment.digest),
      deployment.devices.join(','),
      collectText(deployment),
      deployment.updatedAt,
    ]),
  );
}

function collectText({ collect: kept }: Deployment): string {
  return kept === null
    ? '-'
    : `${kept.collections.join(',')} of ${Number((kept.samplingRate * 100).toFixed(2))}%`;
}

function progressTable(name: string, devices: Device[]): string {
  return table(
    ['DEVICE', 'STATE', 'PHASE', 'ACTIVE', 'BYTES', 'ERROR'],
    devices.map((device) => {
      const reported = device.reported?.deployments[name];
      return [
        device.name,
        device.presence?.state ?? 'never seen',
        reported?.phase ?? '-',
        reported?.active ? shortDigest(reported.active) : '-',
        reported === undefined ? '-' : `${reported.haveBytes}/${reported.needBytes}`,
        reported?.error ? `${reported.error.code}: ${reported.error.message}` : '-',
      ];
    }),
  );
}
