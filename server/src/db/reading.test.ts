import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { createLogger } from '../log.ts';
import { connect, type Database } from './client.ts';
import { createReading } from './reading.ts';

const log = createLogger({ level: 'silent' });
let database: FreshDatabase;
let nowhere: Database;
beforeAll(async () => {
  database = await freshDatabase();
  nowhere = connect({ url: 'postgres://nobody@127.0.0.1:1/none', maxConnections: 1 });
});
afterAll(async () => {
  await nowhere.close();
  await database.close();
});

test('what is no replica, or does not answer, never reads: the primary does', async () => {
  const { db } = database;
  for (const replica of [null, nowhere.db, db]) {
    const reading = createReading({ primary: db, replica, log });
    expect(reading.db()).toBe(db);
    // A primary in the replica's place has its own history: it is not in recovery.
    expect(await reading.look()).toBe(false);
    expect(reading.db()).toBe(db);
  }
  await db.execute(sql`select 1`);
});
