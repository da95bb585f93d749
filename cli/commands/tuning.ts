import { type Command, InvalidArgumentError, Option } from 'commander';
import { SluiceError } from '../../contract/errors.ts';
import type { Placement, RunManifest } from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import type { BuildImage } from '../../contract/workspace-api.ts';

/** How the engines of an image run, as the command line gives it. */
export interface TuningChoices {
  sessions?: number;
  placement?: Placement;
  queueDepth?: number;
  batchMax?: number;
  batchDelayUs?: number;
  batchPreferred?: number[];
}

/** Adds the options of `TuningChoices`; the workspace checks their ranges. */
export function addTuningOptions(command: Command): Command {
  return command
    .option('--sessions <n>', 'ONNX Runtime sessions, each in a thread of its own (default: 1)', wholeNumber)
    .addOption(
      new Option(
        '--placement <where>',
        'where ONNX Runtime runs; auto: on the event loop when that is faster than changing threads',
      ).choices(['auto', 'inline', 'thread']),
    )
    .option(
      '--queue-depth <n>',
      `requests that may wait (default: ${limits.scoringQueueDepthMax}); the next gets 429`,
      wholeNumber,
    )
    .option(
      '--batch-max <n>',
      'items of waiting requests to run at once, 1 for none (default: what the device finds to be exact and faster)',
      wholeNumber,
    )
    .option('--batch-delay-us <n>', 'microseconds that a request waits for others (default: 0)', wholeNumber)
    .option('--batch-preferred <a,b>', 'sizes that a batch is cut down to', wholeNumbers);
}

/** The fields of a build request. Throws `usage` for options that need another. */
export function tuningOf(
  choices: TuningChoices,
): Pick<BuildImage, 'sessions' | 'placement' | 'queueDepth' | 'batching'> {
  const { sessions, placement, queueDepth, batchMax, batchDelayUs, batchPreferred } = choices;
  if (batchMax === undefined && (batchDelayUs ?? batchPreferred) !== undefined) {
    throw new SluiceError('usage', '--batch-delay-us and --batch-preferred need --batch-max');
  }
  return {
    ...(sessions === undefined ? {} : { sessions }),
    ...(placement === undefined ? {} : { placement }),
    ...(queueDepth === undefined ? {} : { queueDepth }),
    ...(batchMax === undefined
      ? {}
      : {
          batching: {
            itemsMax: batchMax,
            ...(batchDelayUs === undefined ? {} : { delayMicroseconds: batchDelayUs }),
            ...(batchPreferred === undefined ? {} : { preferredItems: batchPreferred }),
          },
        }),
  };
}

/** How engines run, in words; one line each. */
export function describeTuning({ routes, limits: { queueDepth } }: RunManifest): string[] {
  const { policy, shadow = 0, batching, cpu } = routes;
  const shadowed = shadow === 0 ? '' : `, ${shadow} of the requests on both`;
  const sessions = `${cpu.sessions} session${cpu.sessions === 1 ? '' : 's'}`;
  return [
    `route    ${policy}${shadowed}`,
    `queue    ${queueDepth} requests, ${sessions}, placement ${cpu.placement ?? 'auto'}`,
    `batches  ${batching === undefined ? 'as the device finds to be exact and faster' : describeBatching(batching)}`,
  ];
}

function describeBatching({
  itemsMax,
  delayMicroseconds = 0,
  preferredItems = [],
}: NonNullable<RunManifest['routes']['batching']>): string {
  if (itemsMax === 1) return 'none';
  const preferred = preferredItems.length === 0 ? '' : `, preferably ${preferredItems.join(' or ')}`;
  return `up to ${itemsMax} items${preferred}, waiting ${delayMicroseconds} us for others`;
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A whole number is expected.');
}

function wholeNumbers(text: string): number[] {
  return text.split(',').map(wholeNumber);
}
