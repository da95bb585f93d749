import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { SluiceError } from '../contract/errors.ts';

/**
 * Keeps a second agent off a state folder. It holds SQLite's exclusive lock on `<folder>/lock`, which
 * the system itself takes back when this process ends, however it ends.
 */
export class StateLock {
  readonly #path: string;
  #database: DatabaseSyncInstance | undefined;

  constructor(stateFolder: string) {
    this.#path = join(stateFolder, 'lock');
  }

  /** Makes the folder if need be. Throws `state_invalid` when another agent holds the lock. */
  async start(): Promise<void> {
    await mkdir(join(this.#path, '..'), { recursive: true, mode: 0o700 });
    const database = new DatabaseSync(this.#path);
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
    } catch (thrown) {
      database.close();
      throw new SluiceError(
        'state_invalid',
        `${this.#path}: another agent uses this state folder; stop it, or pass another --state`,
        { cause: thrown },
      );
    }
    this.#database = database;
  }

  /** Lets the folder go. Idempotent. */
  stop(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}
