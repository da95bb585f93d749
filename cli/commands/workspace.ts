import type { Command } from 'commander';
import { createLogger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import { writeEndpoint } from '../context.ts';
import { globalOptions, stateFolders } from '../global-options.ts';
import { printProgress } from '../output.ts';
import { stopRequested } from '../stop-signal.ts';
import { existingFile, portNumber } from './shared.ts';

interface StartOptions {
  name: string;
  host: string;
  apiPort: number;
  mqttPort: number;
  mqtt?: string;
  tlsCertificate?: string;
  tlsKey?: string;
  publicHost?: string;
}

/** `sluice workspace start`. */
export function addWorkspaceCommands(program: Command): void {
  const workspace = program
    .command('workspace')
    .description('run the workspace: registry, deployments, MQTT broker');

  workspace
    .command('start')
    .description('run a workspace in the foreground; its state lives in --state')
    .option('--name <name>', 'name of the workspace, part of every topic', 'local')
    .option('--host <address>', 'address to listen on; off loopback TLS is required', '127.0.0.1')
    .option('--api-port <port>', 'port of the REST API', portNumber, 5080)
    .option('--mqtt-port <port>', 'port of the embedded MQTT broker', portNumber, 5083)
    .option('--mqtt <url>', 'use an outside broker instead: mqtt://user:password@host:port')
    .option('--public-host <name>', 'host that devices are told, when it is not the one bound')
    .option('--tls-certificate <file>', 'certificate for both listeners (PEM)', existingFile)
    .option('--tls-key <file>', 'its private key (PEM)', existingFile)
    .action(async (options: StartOptions, command: Command) => {
      if ((options.tlsCertificate === undefined) !== (options.tlsKey === undefined)) {
        throw new SluiceError('usage', '--tls-certificate and --tls-key go together; one is missing');
      }
      const global = globalOptions(command);
      const stop = stopRequested();
      // Loaded when needed: the other commands start without a server's worth of modules.
      const { Workspace } = await import('../../workspace/workspace.ts');
      const running = new Workspace({
        stateFolder: stateFolders(global.state).workspace,
        name: options.name,
        host: options.host,
        apiPort: options.apiPort,
        mqttPort: options.mqttPort,
        logger: createLogger({ name: 'workspace', level: global.logLevel }),
        ...(options.mqtt === undefined ? {} : { externalBroker: { url: options.mqtt } }),
        ...(options.publicHost === undefined ? {} : { publicHost: options.publicHost }),
        ...(options.tlsCertificate === undefined || options.tlsKey === undefined
          ? {}
          : { tls: { certificateFile: options.tlsCertificate, keyFile: options.tlsKey } }),
      });
      const addresses = await running.start();
      await writeEndpoint(global.state, { apiUrl: addresses.apiUrl, mqttUrl: addresses.mqttUrl });
      printProgress({
        json: global.json,
        value: { type: 'listening', name: options.name, ...addresses },
        text: [
          `workspace ${options.name} is up`,
          `  API    ${addresses.apiUrl}`,
          `  MQTT   ${addresses.mqttUrl}`,
          `  token  ${addresses.adminTokenPath}`,
          'Ctrl-C stops it.',
        ].join('\n'),
      });
      await stop;
      await running.stop();
    });
}
