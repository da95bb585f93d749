import { basename } from 'node:path';
import type { Command } from 'commander';
import type { Model } from '../../contract/workspace-api.ts';
import { connectWorkspace } from '../context.ts';
import { globalOptions } from '../global-options.ts';
import { formatCount, printResult, shortDigest, table } from '../output.ts';
import { existingFile, workspaceOption } from './shared.ts';

/** `sluice model register|list`. */
export function addModelCommands(program: Command): void {
  const model = program.command('model').description('register and list models');

  workspaceOption(model.command('register'))
    .description('register an ONNX file as the next version of a model')
    .argument('<file>', 'ONNX model', existingFile)
    .requiredOption('-n, --name <name>', 'name of the model')
    .option('-d, --description <text>', 'what the model does')
    .addHelpText('after', '\nExample: sluice model register samples/fashion/model.onnx --name fashion')
    .action(async (file: string, options: RegisterOptions, command: Command) => {
      const global = globalOptions(command);
      const client = await connectWorkspace({ ...global, ...options });
      const { readModelFile } = await import('../read-model-file.ts');
      const digest = await client.uploadBytes(await readModelFile(file));
      const description = options.description ?? basename(file);
      const value = await client.registerModel({ name: options.name, file: digest, description });
      printResult({
        json: global.json,
        value,
        toText: () => `${value.name}:${value.version} ${value.digest}`,
      });
    });

  workspaceOption(model.command('list'))
    .description('list registered models')
    .action(async (options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const models = await (await connectWorkspace({ ...global, ...options })).listModels();
      printResult({ json: global.json, value: models, toText: () => modelTable(models) });
    });
}

interface RegisterOptions {
  name: string;
  description?: string;
  workspace?: string;
}

function modelTable(models: Model[]): string {
  return table(
    ['MODEL', 'BYTES', 'INPUTS', 'OUTPUTS', 'DIGEST', 'REGISTERED'],
    models.map((model) => [
      `${model.name}:${model.version}`,
      formatCount(model.sizeBytes),
      describeTensors(model.signature.inputs),
      describeTensors(model.signature.outputs),
      shortDigest(model.digest),
      model.createdAt,
    ]),
  );
}

function describeTensors(tensors: Model['signature']['inputs']): string {
  return tensors.map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(',')}]`).join(' ');
}
