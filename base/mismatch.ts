/** Longest reason in a message: names and values in it come from whoever sent them. */
const reasonLengthMax = 500;

/** One mismatch as the schema library reports it. */
interface Mismatch {
  keyword: string;
  instancePath: string;
  params: unknown;
  message: string;
}

/** The first mismatch of a value in one line that names the field, what came and what was expected. */
export function explainMismatch([first]: readonly Mismatch[], value: unknown): string {
  return oneLine(explain(first, value));
}

function explain(first: Mismatch | undefined, value: unknown): string {
  if (first === undefined) return 'does not fit its schema';
  const params = first.params as Record<string, unknown>;
  if (first.keyword === 'required') {
    const missing = (params.requiredProperties as string[] | undefined)?.join(', ');
    return `${fieldOf(first.instancePath)}misses the field ${missing}`;
  }
  if (first.keyword === 'additionalProperties') {
    const unknown = (params.additionalProperties as string[] | undefined)?.join(', ');
    return `${fieldOf(first.instancePath)}has the unknown field ${unknown}`;
  }
  const pattern = typeof params.pattern === 'string' ? ` (${params.pattern})` : '';
  return `${fieldOf(first.instancePath)}${first.message}${pattern}, but is ${brief(at(value, first.instancePath))}`;
}

function fieldOf(instancePath: string): string {
  return instancePath === '' ? '' : `${instancePath.slice(1).replaceAll('/', '.')} `;
}

function at(value: unknown, instancePath: string): unknown {
  let current = value;
  for (const key of instancePath.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return current;
}

function brief(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? 'undefined';
  } catch {
    // JSON.parse takes any depth, JSON.stringify only what fits on the stack.
    text = 'nested too deeply';
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A sender's line breaks and control characters go, and so does what is beyond the longest reason. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ');
  return line.length > reasonLengthMax ? `${line.slice(0, reasonLengthMax - 3)}...` : line;
}
