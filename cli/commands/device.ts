import type { Command } from 'commander';
import type { Device } from '../../contract/workspace-api.ts';
import { connectWorkspace } from '../context.ts';
import { globalOptions } from '../global-options.ts';
import { printResult, table } from '../output.ts';
import { workspaceOption } from './shared.ts';

/** `sluice device add|list`. */
export function addDeviceCommands(program: Command): void {
  const device = program.command('device').description('add and list devices');

  workspaceOption(device.command('add'))
    .description('add a device; prints its token, once')
    .argument('<name>', 'name of the device')
    .action(async (name: string, options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const value = await (await connectWorkspace({ ...global, ...options })).addDevice(name);
      printResult({
        json: global.json,
        value,
        toText: () =>
          [
            `device ${value.device.name} added; its token is shown only now:`,
            value.token,
            `On the device: SLUICE_DEVICE_TOKEN=<token> sluice agent start --workspace URL --device ${value.device.name}`,
          ].join('\n'),
      });
    });

  workspaceOption(device.command('list'))
    .description('list devices and what they run')
    .action(async (options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const devices = await (await connectWorkspace({ ...global, ...options })).listDevices();
      printResult({ json: global.json, value: devices, toText: () => deviceTable(devices) });
    });
}

function deviceTable(devices: Device[]): string {
  return table(
    ['DEVICE', 'STATE', 'PORT', 'NPU', 'DEPLOYMENTS', 'AGENT'],
    devices.map((device) => [
      device.name,
      device.presence?.state ?? 'never seen',
      String(device.reported?.scoring.port || '-'),
      device.reported?.npu?.configuration ?? '-',
      describeDeployments(device),
      device.reported?.agentVersion ?? '-',
    ]),
  );
}

function describeDeployments(device: Device): string {
  const entries = Object.entries(device.reported?.deployments ?? {});
  if (entries.length === 0) return '-';
  return entries
    .map(([name, { phase, error }]) => `${name} ${phase}${error === null ? '' : ` (${error.code})`}`)
    .join(', ');
}
