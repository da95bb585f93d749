import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ChangedEndpoint, Endpoint, EndpointAuth, KeySlot } from '../../contract/workspace-api.ts';
import { connectWorkspace } from '../context.ts';
import { globalOptions } from '../global-options.ts';
import { printResult, table } from '../output.ts';
import { oneOf, workspaceOption } from './shared.ts';

type Shares = Record<string, number>;

interface ChangeOptions {
  traffic?: Shares;
  mirror?: Shares;
  auth?: EndpointAuth;
  workspace?: string;
}

/** `sluice endpoint create|set|list|show|remove|keys|rotate-key`. */
export function addEndpointCommands(program: Command): void {
  const endpoint = program
    .command('endpoint')
    .description('put deployments behind one name: keys, traffic split, mirroring');

  changeOptions(workspaceOption(endpoint.command('create')))
    .description('make an endpoint; with --auth key it prints both keys, once')
    .argument('<name>', 'name of the endpoint')
    .action(async (name: string, options: ChangeOptions, command: Command) => {
      const { traffic = {}, mirror = {}, auth = 'none' } = options;
      const client = await connectWorkspace({ ...globalOptions(command), ...options });
      printChanged(await client.putEndpoint(name, { traffic, mirror, auth }), command);
    });

  changeOptions(workspaceOption(endpoint.command('set')))
    .description('change an endpoint; what is not given stays, deployments not named get nothing')
    .argument('<name>', 'name of the endpoint')
    .action(async (name: string, options: ChangeOptions, command: Command) => {
      const client = await connectWorkspace({ ...globalOptions(command), ...options });
      const { traffic, mirror } = changedShares(await client.endpoint(name), options);
      const auth = options.auth === undefined ? {} : { auth: options.auth };
      printChanged(await client.putEndpoint(name, { traffic, mirror, ...auth }), command);
    });

  workspaceOption(endpoint.command('list'))
    .description('list endpoints')
    .action(async (options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const value = await (await connectWorkspace({ ...global, ...options })).listEndpoints();
      printResult({ json: global.json, value, toText: () => endpointTable(value) });
    });

  workspaceOption(endpoint.command('show'))
    .description('show an endpoint, and on which devices its newest state is in force')
    .argument('<name>', 'name of the endpoint')
    .action(async (name: string, options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const value = await (await connectWorkspace({ ...global, ...options })).endpoint(name);
      const devices = value.devices.map((device) => [device.name, device.upToDate ? 'yes' : 'not yet']);
      printResult({
        json: global.json,
        value,
        toText: () => `${endpointTable([value])}\n\n${table(['DEVICE', 'UP TO DATE'], devices)}`,
      });
    });

  workspaceOption(endpoint.command('remove'))
    .description('remove an endpoint; its deployments stay')
    .argument('<name>', 'name of the endpoint')
    .action(async (name: string, options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      await (await connectWorkspace({ ...global, ...options })).deleteEndpoint(name);
      printResult({ json: global.json, value: { removed: name }, toText: () => `${name} removed` });
    });

  addKeyCommands(endpoint);
}

function addKeyCommands(endpoint: Command): void {
  workspaceOption(endpoint.command('keys'))
    .description('tell when the keys of an endpoint were made; the keys themselves are not kept')
    .argument('<name>', 'name of the endpoint')
    .action(async (name: string, options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const value = await (await connectWorkspace({ ...global, ...options })).endpointKeys(name);
      const rows = Object.entries(value).map(([slot, createdAt]) => [slot, createdAt ?? 'none']);
      printResult({ json: global.json, value, toText: () => table(['KEY', 'MADE'], rows) });
    });

  workspaceOption(endpoint.command('rotate-key'))
    .description('make a new key in place of one and print it, once; the other key stays good')
    .argument('<name>', 'name of the endpoint')
    .argument('<slot>', 'primary or secondary', oneOf(['primary', 'secondary']))
    .action(async (name: string, slot: KeySlot, options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const value = await (await connectWorkspace({ ...global, ...options })).rotateKey(name, slot);
      printResult({
        json: global.json,
        value,
        toText: () =>
          `new ${slot} key of ${name}, shown only now; good on each device that \`sluice endpoint show ${name}\` calls up to date:\n${value.key}`,
      });
    });
}

function changeOptions(command: Command): Command {
  return command
    .option('-t, --traffic <shares>', 'percent of requests by deployment, such as blue=90,green=10', shares)
    .option('-m, --mirror <shares>', 'percent of requests to copy, such as green=10; none for none', shares)
    .addOption(new Option('-a, --auth <kind>', 'whether it asks for a key').choices(['key', 'none']));
}

/** Argument parser: `blue=90,green=10`, or `none`. */
function shares(text: string): Shares {
  if (text === 'none') return {};
  const entries = text.split(',').map((part): [string, number] => {
    const match = /^([A-Za-z0-9][A-Za-z0-9_-]{0,62})=(\d{1,2}|100)%?$/.exec(part.trim());
    if (match?.[1] === undefined) {
      throw new InvalidArgumentError('Expected deployment=percent, such as blue=90,green=10.');
    }
    return [match[1], Number(match[2])];
  });
  if (new Set(entries.map(([name]) => name)).size < entries.length) {
    throw new InvalidArgumentError('A deployment stands there twice.');
  }
  return Object.fromEntries(entries);
}

/** A deployment that is given one kind of share and had the other gives that up. */
function changedShares(
  current: Endpoint,
  { traffic, mirror }: ChangeOptions,
): Pick<Endpoint, 'traffic' | 'mirror'> {
  const without = (kept: Shares, given: Shares | undefined): Shares =>
    Object.fromEntries(Object.entries(kept).filter(([name]) => !given?.[name]));
  return {
    traffic: traffic ?? without(current.traffic, mirror),
    mirror: mirror ?? without(current.mirror, traffic),
  };
}

function printChanged({ endpoint, keys }: ChangedEndpoint, command: Command): void {
  const made =
    keys === null
      ? []
      : ['', 'its keys are shown only now:', `primary    ${keys.primary}`, `secondary  ${keys.secondary}`];
  printResult({
    json: globalOptions(command).json,
    value: { endpoint, keys },
    toText: () => [endpointTable([endpoint]), ...made].join('\n'),
  });
}

function endpointTable(endpoints: Endpoint[]): string {
  const text = (shares: Shares): string =>
    Object.entries(shares)
      .map(([name, share]) => `${name}=${share}`)
      .join(',') || '-';
  return table(
    ['ENDPOINT', 'AUTH', 'TRAFFIC', 'MIRROR', 'DEVICES', 'UPDATED'],
    endpoints.map(({ name, auth, traffic, mirror, devices, updatedAt }) => [
      name,
      auth,
      text(traffic),
      text(mirror),
      devices.map((device) => device.name).join(',') || '-',
      updatedAt,
    ]),
  );
}
