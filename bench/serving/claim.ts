/** A promise about serving, and what was measured. */
export interface Claim {
  name: string;
  /** What the ratio is to; undefined for a figure that stands for itself. */
  against?: string;
  measured: number;
  unit: string;
  target: number;
  /** Whether more or less is better. */
  wants: 'at least' | 'at most';
  /** The figures behind it. */
  details: Record<string, number>;
}

/** Whether what was promised was measured. */
function isKept({ measured, target, wants }: Claim): boolean {
  return wants === 'at least' ? measured >= target : measured <= target;
}

/** Prints claims as a table. */
export function printClaims(claims: readonly Claim[]): void {
  for (const claim of claims) {
    const { name, against, measured, unit, target, wants, details } = claim;
    const figures = Object.entries(details).map(([key, value]) => `${key} ${round(value)}`);
    const verdict = isKept(claim) ? 'kept  ' : 'MISSED';
    console.log(`  ${verdict} ${round(measured)} ${unit} (${wants} ${target})  ${name}`);
    if (against !== undefined) console.log(`         against ${against}`);
    console.log(`         ${figures.join(', ')}`);
  }
}

function round(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
