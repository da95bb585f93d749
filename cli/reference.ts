import { InvalidArgumentError } from 'commander';
import { parserOf } from '../base/validate.ts';
import { Reference } from '../contract/names.ts';

const parser = parserOf(Reference, { what: 'reference', code: 'invalid_name' });

/** Argument parser: `name:version`. */
export function reference(text: string): string {
  try {
    return parser.parse(text);
  } catch {
    throw new InvalidArgumentError('Expected name:version, such as fashion:1.');
  }
}
