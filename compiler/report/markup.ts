/** Text for HTML and SVG, between tags and in quoted attributes. */
export function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Layers by kind, each with a colour of its own in every picture. */
const kinds = [
  'convolution',
  'maximum-pool',
  'table',
  'add',
  'multiply',
  'resize',
  'concat',
  'slice',
  'pad',
] as const;

/** The class of a kind's colour (page-style.ts). */
export function kindClass(kind: string): string {
  return `kind-${Math.max(0, kinds.indexOf(kind as (typeof kinds)[number]))}`;
}

/** Kinds that occur, with their colours. */
export function kindLegend(present: ReadonlySet<string>): string {
  const entries = kinds
    .filter((kind) => present.has(kind))
    .map((kind) => `<span><i class="${kindClass(kind)}"></i>${kind}</span>`);
  return `<p class="legend">${entries.join('')}</p>`;
}
