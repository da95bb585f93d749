import type { Name } from '../../contract/names.ts';
import type { Shares } from './endpoints.ts';

/**
 * Whom a request goes to: one of those that are there, each as often as its share of their sum says, so that
 * what is down leaves its share to the others. `random` gives numbers from 0 up to 1; without it the largest
 * share wins, the same one each time. Undefined when nobody that is there has a share.
 */
export function chooseByShare(
  shares: Shares,
  isThere: (deployment: Name) => boolean,
  random?: () => number,
): Name | undefined {
  const choices = [...shares].filter(([name, share]) => share > 0 && isThere(name));
  const total = choices.reduce((sum, [, share]) => sum + share, 0);
  if (random === undefined) return choices.sort(([, left], [, right]) => right - left)[0]?.[0];
  return atPoint(choices, random() * total);
}

/** Who gets a copy of a request, if anybody: each gets as many percent of all as its share says. */
export function chooseCopied(shares: Shares, random: () => number): Name | undefined {
  return atPoint([...shares], random() * 100);
}

/** Shares lie side by side from 0 on; the one that covers a point. */
function atPoint(shares: readonly (readonly [Name, number])[], point: number): Name | undefined {
  let end = 0;
  for (const [name, share] of shares) {
    end += share;
    if (point < end) return name;
  }
  return undefined;
}
