import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import { SluiceError } from '../../contract/errors.ts';
import { migrations } from './migrations.ts';

/** SQLite's primary result code for a database that another connection holds (sqlite.org/rescode.html). */
const sqliteBusy = 5;
/** The one for a write that found no room. */
const sqliteFull = 13;

/**
 * The workspace's metadata in one SQLite file. It is opened for this process alone: the lock is the
 * operating system's, so it goes with the process however that ends.
 */
export class Database {
  readonly #path: string;
  readonly #statements = new Map<string, StatementSyncInstance>();
  #connection: DatabaseSyncInstance | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Opens, locks and migrates. Throws `state_invalid` for a file in use, damaged, or of a newer Sluice. */
  start(): void {
    try {
      this.#connection = new DatabaseSync(this.#path, { enableForeignKeyConstraints: true });
      this.#connection.exec('PRAGMA locking_mode = EXCLUSIVE');
      this.#connection.exec('PRAGMA journal_mode = WAL');
      this.#connection.exec('PRAGMA synchronous = FULL');
      this.#migrate();
    } catch (thrown) {
      this.#connection?.close();
      this.#connection = undefined;
      throw asStateError(thrown, this.#path);
    }
  }

  /** Closes the file and gives up the lock; may be called twice. */
  stop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#statements.clear();
    if (connection === undefined) return;
    try {
      // SQLite keeps a connection, and its lock, until the last prepared statement is collected. Leaving
      // WAL mode is what lets the lock go before that (sqlite.org/pragma.html#pragma_locking_mode).
      connection.exec('PRAGMA journal_mode = DELETE');
      connection.exec('PRAGMA locking_mode = NORMAL');
      connection.exec('SELECT count(*) FROM sqlite_schema');
    } finally {
      connection.close();
    }
  }

  /** A prepared statement, made once for each text. Using it while stopped is a defect. */
  prepare(sql: string): StatementSyncInstance {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#open.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs `work` in one transaction: all of it is on disk afterwards, or none. Never nested. Throws `disk_full`. */
  transaction<Result>(work: () => Result): Result {
    const connection = this.#open;
    connection.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      connection.exec('COMMIT');
      return result;
    } catch (thrown) {
      if (connection.isTransaction) connection.exec('ROLLBACK');
      throw asDiskFull(thrown, this.#path);
    }
  }

  get #open(): DatabaseSyncInstance {
    if (this.#connection === undefined) throw new Error('the database is not open');
    return this.#connection;
  }

  #migrate(): void {
    this.transaction(() => {
      const row = this.#open.prepare('PRAGMA user_version').get() as { user_version: number };
      if (row.user_version > migrations.length) {
        throw new SluiceError(
          'state_invalid',
          `${this.#path}: schema version ${row.user_version}, at most ${migrations.length} known; start it with a newer Sluice`,
        );
      }
      for (const step of migrations.slice(row.user_version)) this.#open.exec(step);
      this.#open.exec(`PRAGMA user_version = ${migrations.length}`);
    });
  }
}

function asStateError(thrown: unknown, path: string): unknown {
  if (thrown instanceof SluiceError || !(thrown instanceof Error)) return thrown;
  const busy = hasResultCode(thrown, sqliteBusy);
  const reason = busy
    ? 'another workspace uses this state folder; stop it or choose another folder with --state'
    : `cannot be opened (${thrown.message})`;
  return new SluiceError('state_invalid', `${path}: ${reason}`, { cause: thrown });
}

function asDiskFull(thrown: unknown, path: string): unknown {
  if (!hasResultCode(thrown, sqliteFull)) return thrown;
  const message = `${path}: no room left on the disk; nothing was changed; free some and try again`;
  return new SluiceError('disk_full', message, { cause: thrown });
}

/** SQLite's extended result codes carry the primary one in their low byte. */
function hasResultCode(thrown: unknown, code: number): boolean {
  const errcode = thrown instanceof Error && 'errcode' in thrown ? Number(thrown.errcode) : 0;
  return (errcode & 0xff) === code;
}
