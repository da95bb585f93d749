import type { Command } from 'commander';
import { globalOptions } from '../global-options.ts';
import { printProgress } from '../output.ts';
import { stopRequested } from '../stop-signal.ts';
import { npuOption } from './agent.ts';
import { portNumber } from './shared.ts';

/** `sluice up`: what `npm start` runs. */
export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('run a workspace and one device on this machine, with the Fashion-MNIST sample deployed')
    .option('-p, --port <port>', 'port of the scoring endpoint', portNumber, 5001)
    .option('--grpc-port <port>', 'serve Open Inference over gRPC too, at this port', portNumber)
    .addOption(npuOption())
    .action(async (options: { port: number; grpcPort?: number; npu: string }, command: Command) => {
      const global = globalOptions(command);
      const stop = stopRequested();
      const { LocalFleet } = await import('../local-fleet.ts');
      const fleet = new LocalFleet({ ...global, ...options });
      try {
        const stopped = stop.then(() => {
          printProgress({ json: global.json, value: { stage: 'stopping' }, text: '\nstopping' });
        });
        const serving = fleet.start().then(() => fleet.failed());
        await Promise.race([serving, stopped]);
      } finally {
        await fleet.stop();
      }
    });
}
