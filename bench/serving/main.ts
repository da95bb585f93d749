import { batching, binary, jsonIn, jsonInAndOut, scoreInAndOut, slowModel, smallModel } from './cases.ts';
import { type Claim, printClaims } from './claim.ts';
import { device } from './device.ts';
import { Stand } from './stand.ts';

const cases: Record<string, (stand: Stand) => Promise<Claim[]>> = {
  'json-in': jsonIn,
  'json-both': jsonInAndOut,
  'score-both': scoreInAndOut,
  binary,
  small: smallModel,
  slow: slowModel,
  batching,
  device,
};

/** Names of the cases, for those who want only some. */
export const servingCases: readonly string[] = Object.keys(cases);

/** Loads the scoring process over HTTP, and its peers in the same run. Prints each claim when it is measured. */
export async function benchServing(names: readonly string[] = servingCases): Promise<Claim[]> {
  const claims: Claim[] = [];
  for (const name of names) {
    const measure = cases[name];
    if (measure === undefined) continue;
    const stand = await Stand.open();
    try {
      const measured = await measure(stand);
      printClaims(measured);
      claims.push(...measured);
    } finally {
      await stand.close();
    }
  }
  return claims;
}
