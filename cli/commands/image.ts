import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { encodeCalibrationSet } from '../../compiler/calibration/calibration-set.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { RoutePolicy } from '../../contract/image.ts';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import type { BuildImage, Image } from '../../contract/workspace-api.ts';
import {
  addCalibrationOptions,
  type CalibrationChoices,
  gatherCalibration,
} from '../calibration/calibration-options.ts';
import { connectWorkspace } from '../context.ts';
import { globalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { reference } from '../reference.ts';
import type { WorkspaceClient } from '../workspace-client.ts';
import { describeImage, imageTable } from './describe-image.ts';
import { addScriptOptions, type ScriptChoices, uploadScript } from './script-options.ts';
import { addSequenceOptions, type SequenceChoices, sequenceOf } from './sequence-options.ts';
import { existingFile, workspaceOption } from './shared.ts';
import { addTuningOptions, type TuningChoices, tuningOf } from './tuning.ts';

/** What `sluice image build` and `sluice up` build an image from. */
export interface ImageSources extends ScriptChoices {
  name: string;
  model: string;
  /** Path of the golden inputs. */
  samples?: string;
  accelerate?: string;
  /** How the compiler quantises; for `accelerate`. */
  quantising?: CalibrationChoices;
  route?: RoutePolicy;
  /** Which outputs come back as inputs in the next request of a sequence. */
  sequence?: BuildImage['sequence'];
  shadow?: number;
  /** How its engines run. */
  tuning?: TuningChoices;
}

/** Bundles the script, uploads what the workspace lacks and builds. */
export async function buildImageFrom(client: WorkspaceClient, sources: ImageSources): Promise<Image> {
  const samples =
    sources.samples === undefined ? undefined : await client.uploadBytes(await readFile(sources.samples));
  return client.buildImage({
    name: sources.name,
    model: sources.model,
    ...(await uploadScript(client, sources)),
    ...(samples === undefined ? {} : { samples }),
    ...(sources.accelerate === undefined ? {} : { accelerate: sources.accelerate }),
    ...(sources.quantising === undefined
      ? {}
      : await quantisingOf(client, sources.model, sources.quantising)),
    ...(sources.route === undefined ? {} : { routePolicy: sources.route }),
    ...(sources.sequence === undefined ? {} : { sequence: sources.sequence }),
    ...(sources.shadow === undefined ? {} : { shadow: sources.shadow }),
    ...tuningOf(sources.tuning ?? {}),
  });
}

/** Reads the samples here, for the signature that the workspace knows, and uploads them as one blob. */
async function quantisingOf(
  client: WorkspaceClient,
  model: string,
  choices: CalibrationChoices,
): Promise<Pick<BuildImage, 'calibration' | 'shapes' | 'quantise'>> {
  const known = (await client.listModels()).find(({ name, version }) => `${name}:${version}` === model);
  if (known === undefined) throw new SluiceError('not_found', `model ${model} does not exist`);
  const { samples, labels } = await gatherCalibration(known.signature.inputs, { choices });
  const set = { samples: samples ?? [], ...(labels === undefined ? {} : { labels }) };
  return {
    quantise: choices.quantise,
    ...(choices.shape === undefined ? {} : { shapes: choices.shape }),
    ...(samples === undefined ? {} : { calibration: await client.uploadBytes(encodeCalibrationSet(set)) }),
  };
}

/** Options of `sluice image build`. */
type BuildChoices = ImageSources &
  CalibrationChoices &
  SequenceChoices &
  TuningChoices & { workspace?: string };

/** `sluice image build|list|show`. */
export function addImageCommands(program: Command): void {
  const image = program.command('image').description('build and look at images');

  const build = workspaceOption(image.command('build'));
  addTuningOptions(addSequenceOptions(addCalibrationOptions(addScriptOptions(build))))
    .description('build the next version of an image from a model and, if given, a scoring script')
    .requiredOption('-n, --name <name>', 'name of the image')
    .requiredOption('-m, --model <name:version>', 'registered model', reference)
    .option(
      '--samples <file>',
      'golden inputs; their answers are recorded and checked on every device',
      existingFile,
    )
    .addOption(
      new Option('-a, --accelerate <configuration>', 'compile an NPU program for this hardware').choices(
        Object.keys(hardwareConfigurations),
      ),
    )
    .addOption(
      new Option('--route <policy>', 'route when a request does not say').choices(['auto', 'cpu', 'fpga']),
    )
    .option(
      '--shadow <share>',
      'share of requests, 0 to 1, that run on both routes afterwards to compare their bytes; with --accelerate',
      shareOf,
    )
    .addHelpText(
      'after',
      '\nExample: sluice image build --name fashion --model fashion:1 --script samples/fashion/score.js --accelerate kv260-m',
    )
    .action(async (options: BuildChoices, command: Command) => {
      const global = globalOptions(command);
      if (options.accelerate === undefined && (options.calibration ?? options.shape) !== undefined) {
        throw new SluiceError('usage', '--calibration and --shape are for the compiler; add --accelerate');
      }
      if (options.accelerate === undefined && options.shadow !== undefined) {
        throw new SluiceError('usage', '--shadow compares two routes; add --accelerate');
      }
      const quantising = options.accelerate === undefined ? {} : { quantising: options };
      const sequence = sequenceOf(options);
      const client = await connectWorkspace({ ...global, ...options });
      const value = await buildImageFrom(client, { ...options, ...quantising, ...sequence, tuning: options });
      printResult({
        json: global.json,
        value,
        toText: () => `${value.name}:${value.version} ${value.digest}`,
      });
    });

  workspaceOption(image.command('list'))
    .description('list images')
    .action(async (options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const images = await (await connectWorkspace({ ...global, ...options })).listImages();
      printResult({ json: global.json, value: images, toText: () => imageTable(images) });
    });

  workspaceOption(image.command('show'))
    .description('show the layers of an image, how it is served and what its script may reach')
    .argument('<name:version>', 'image', reference)
    .action(async (text: string, options: { workspace?: string }, command: Command) => {
      const global = globalOptions(command);
      const client = await connectWorkspace({ ...global, ...options });
      const [image, run] = [await client.image(text), await client.runManifest(text)];
      printResult({ json: global.json, value: { ...image, run }, toText: () => describeImage(image, run) });
    });
}

function shareOf(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('A number from 0 to 1 expected.');
}
