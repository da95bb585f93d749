const charactersMax = 120;

/**
 * A name out of a file, as messages show it: in quotes, cut to 120 characters, control characters escaped,
 * so that no file can break a log line.
 */
export function quoted(name: string): string {
  return `"${printable(name)}"`;
}

/** The same without quotes. */
export function printable(name: string): string {
  const short = name.length > charactersMax ? `${name.slice(0, charactersMax)}...` : name;
  return short.replace(
    /[\p{Cc}\p{Zl}\p{Zp}"\\]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
