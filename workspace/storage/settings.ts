import type { Database } from './database.ts';

/** Values made once for the life of a workspace. */
export class SettingsTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The value of `key`; `make` gives it when there is none yet. */
  getOrMake(key: string, make: () => string): string {
    const select = this.#database.prepare('SELECT value FROM settings WHERE key = ?');
    const found = select.get(key) as { value: string } | undefined;
    if (found !== undefined) return found.value;
    const value = make();
    this.#database.prepare('INSERT INTO settings (key, value) VALUES (?, ?)').run(key, value);
    return value;
  }
}
