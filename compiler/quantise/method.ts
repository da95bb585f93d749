import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import { type ObserverName, observers } from './observers.ts';

/** How float values become integers. */
export interface QuantiseMethod {
  /** How ranges of maps are chosen. */
  observer: ObserverName;
  /** Whether factors move between convolutions so that channels come to similar sizes. */
  equalises: boolean;
  /** Whether biases make up for what rounding weights changes on average. */
  correctsBias: boolean;
}

/** What `--quantise` takes: nothing on the NPU that the model does not quantise itself, a search, or one method. */
export type QuantiseChoice = 'off' | 'auto' | QuantiseMethod;

const extras = ['equalise', 'bias'] as const;

/** Observers by name, the plainest first. */
export const observerNames = Object.keys(observers) as readonly ObserverName[];

/**
 * Reads `off`, `auto`, or an observer with any of `+equalise` and `+bias` behind it. Throws `usage` naming
 * what there is.
 */
export function parseQuantiseChoice(text: string): QuantiseChoice {
  if (text === 'off' || text === 'auto') return text;
  const [name = '', ...rest] = text.split('+');
  const observer = observerNames.find((each) => each === name);
  if (observer === undefined || !rest.every((each) => extras.some((extra) => extra === each))) {
    throw new SluiceError(
      'usage',
      `--quantise ${quoted(text)}: unknown; there are off, auto, and ${observerNames.join(', ')}, each with +equalise, +bias or both behind it`,
    );
  }
  return { observer, equalises: rest.includes('equalise'), correctsBias: rest.includes('bias') };
}

/** As `parseQuantiseChoice` reads it. */
export function describeMethod({ observer, equalises, correctsBias }: QuantiseMethod): string {
  return [observer, ...(equalises ? ['equalise'] : []), ...(correctsBias ? ['bias'] : [])].join('+');
}
