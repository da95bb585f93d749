import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Database } from '../../../../workspace/storage/database.ts';
import { temporaryFolder } from '../../../support/paths.ts';

describe('the database', () => {
  it('says that the disk is full, changes nothing, and goes on when there is room', () => {
    const database = new Database(join(temporaryFolder(), 'workspace.db'));
    database.start();
    onTestFinished(() => database.stop());
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
    database.prepare(`PRAGMA max_page_count = ${pages + 2}`).get();
    const insert = database.prepare('INSERT INTO settings (key, value) VALUES (?, ?)');
    const add = (key: string, length: number): void =>
      database.transaction(() => {
        insert.run(`${key}-first`, '');
        insert.run(key, 'x'.repeat(length));
      });
    expect(() => add('large', 100_000)).toThrowError(expect.objectContaining({ code: 'disk_full' }));
    expect(database.prepare('SELECT count(*) AS keys FROM settings').get()).toEqual({ keys: 0 });
    add('small', 10);
    expect(database.prepare('SELECT count(*) AS keys FROM settings').get()).toEqual({ keys: 2 });
  });
});
