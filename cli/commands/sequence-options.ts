import { type Command, InvalidArgumentError } from 'commander';
import { SluiceError } from '../../contract/errors.ts';
import type { RunManifest, StatePair } from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import type { BuildImage } from '../../contract/workspace-api.ts';
import { wholeNumber } from './shared.ts';

/** What the options of `addSequenceOptions` give. */
export interface SequenceChoices {
  sequenceState?: StatePair[];
  sequenceIdleMs?: number;
  sequencesMax?: number;
}

/** Adds the options that make a model keep state between the requests of a sequence. */
export function addSequenceOptions(command: Command): Command {
  return command
    .option(
      '--sequence-state <input=output>',
      'the server keeps this output and gives it as that input to the next request of a sequence (repeatable)',
      statePair,
    )
    .option(
      '--sequence-idle-ms <milliseconds>',
      `a sequence is forgotten after so long without a request (default: ${limits.sequenceIdleMs})`,
      wholeNumber(limits.sequenceIdleMsMax),
    )
    .option(
      '--sequences-max <count>',
      `sequences that are kept at a time (default: ${limits.sequencesKept})`,
      wholeNumber(limits.sequencesKeptMax),
    );
}

/** The settings that the options ask for. Throws `usage` when they belong to no state. */
export function sequenceOf(choices: SequenceChoices): { sequence?: NonNullable<BuildImage['sequence']> } {
  const { sequenceState: state, sequenceIdleMs: idleMs, sequencesMax } = choices;
  if (state === undefined) {
    if ((idleMs ?? sequencesMax) === undefined) return {};
    throw new SluiceError(
      'usage',
      '--sequence-idle-ms and --sequences-max are about sequences; add --sequence-state',
    );
  }
  return {
    sequence: {
      state,
      ...(idleMs === undefined ? {} : { idleMs }),
      ...(sequencesMax === undefined ? {} : { sequencesMax }),
    },
  };
}

/** What is kept between the requests of a sequence, in words; one line each. */
export function describeSequences({ sequence }: RunManifest): string[] {
  if (sequence === undefined) return [];
  const { state, idleMs, sequencesMax } = sequence;
  return [
    `state    ${state.map(({ input, output }) => `${input} from ${output}`).join(', ')}`,
    `         ${sequencesMax} sequences, each until ${idleMs} ms without a request`,
  ];
}

/** Argument parser; names of tensors may hold an equals sign only behind the first. */
function statePair(text: string, previous: StatePair[] | undefined): StatePair[] {
  const [, input, output] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (input === undefined || output === undefined) {
    throw new InvalidArgumentError('A state is an input and an output of the model, such as state=stateN.');
  }
  return [...(previous ?? []), { input, output }];
}
