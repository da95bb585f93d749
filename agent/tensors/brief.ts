const charsMax = 60;

/** A value that a request sent, for a message: as JSON, cut short, whatever its size and depth. */
export function brief(value: unknown): string {
  const text = textOf(value);
  return text.length > charsMax ? `${text.slice(0, charsMax - 3)}...` : text;
}

function textOf(value: unknown): string {
  // JSON.stringify writes 1e400, which JSON.parse reads as Infinity, as null.
  if (typeof value === 'number') return String(value);
  // What is cut off anyway need not be escaped first.
  if (typeof value === 'string') return JSON.stringify(value.slice(0, charsMax));
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // JSON.parse takes any depth, JSON.stringify only what fits on the stack; and a script has values without JSON.
    return Array.isArray(value) ? 'an array that cannot be shown' : `a ${typeof value} that cannot be shown`;
  }
}
