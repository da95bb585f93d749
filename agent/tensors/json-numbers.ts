import { JsonNumbers } from '../../native/json-numbers.ts';

/** The addon's codec for JSON numbers; undefined where it cannot be loaded, and JavaScript does its work. */
export const jsonNumbers = JsonNumbers.load();
