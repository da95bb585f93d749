import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A line of collected data, as its readers see it. */
export interface CollectedLine {
  [attribute: string]: unknown;
  id: string;
  type: string;
  correlationid: string;
  data?: unknown;
}

/** The files below a folder, by their paths in it, in order. */
export function filesBelow(root: string): string[] {
  if (!existsSync(root)) return [];
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

/** The lines of all files below a folder that are whole; what a power cut tore is no JSON. */
export function linesBelow(root: string): CollectedLine[] {
  const files = filesBelow(root).filter((path) => path.endsWith('.jsonl'));
  return files.flatMap((path) =>
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as CollectedLine];
        } catch {
          return [];
        }
      }),
  );
}
