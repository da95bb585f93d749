import type { Command } from 'commander';
import type { Deployment, Device } from '../../contract/workspace-api.ts';
import { connectWorkspace, globalOptions } from '../context.ts';
import { printResult, shortDigest, table } from '../output.ts';
import { reference } from '../reference.ts';
import { collect, workspaceOption } from './shared.ts';

/** `sluice deploy create|list|show|delete`. */
export function addDeployCommands(program: Command): void {
  const deploy = program.command('deploy').description('put images on devices, each under a name');

  workspaceOption(deploy.command('create'))
    .description('serve an image on devices under a name; the same name again changes it')
    .argument('<name>', 'name of the deployment')
    .requiredOption('-i, --image <name:version>', 'image to serve', reference)
    .requiredOption('-d, --device <name>', 'device to serve it on; may be given several times', collect)
    .option('-e, --endpoint <name>', 'endpoint to belong to: behind its keys, and without traffic at first')
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const global = globalOptions(command);
      const client = await connectWorkspace({ ...global, ...options });
      const { image, device: devices, endpoint } = options;
      const request = { image, devices, ...(endpoint === undefined ? {} : { endpoint }) };
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
  workspace?: string;
}

function deploymentTable(deployments: Deployment[]): string {
  return table(
    ['DEPLOYMENT', 'IMAGE', 'DIGEST', 'DEVICES', 'UPDATED'],
    deployments.map((deployment) => [
      deployment.name,
      deployment.image,
      shortDigest(deployment.digest),
      deployment.devices.join(','),
      deployment.updatedAt,
    ]),
  );
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
