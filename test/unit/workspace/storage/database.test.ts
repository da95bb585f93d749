import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Database } from '../../../../workspace/storage/database.ts';
import { DesiredTable } from '../../../../workspace/storage/desired.ts';
import { EndpointsTable } from '../../../../workspace/storage/endpoints.ts';
import { migrations } from '../../../../workspace/storage/migrations.ts';
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

  it('takes over the state of a workspace that knew no endpoints, with the same desired documents', () => {
    const path = join(temporaryFolder(), 'workspace.db');
    const old = new DatabaseSync(path);
    old.exec(migrations[0] ?? '');
    old.exec("INSERT INTO desired VALUES ('one', 7, '2026-01-01T00:00:00.000Z', '[]')");
    old.exec('PRAGMA user_version = 1');
    old.close();
    const database = new Database(path);
    database.start();
    onTestFinished(() => database.stop());
    expect(new EndpointsTable(database).list()).toEqual([]);
    expect(new DesiredTable(database).find('one')).toEqual({
      device: 'one',
      generation: 7,
      issuedAt: '2026-01-01T00:00:00.000Z',
      deployments: [],
      endpoints: [],
    });
  });
});
