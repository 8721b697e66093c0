/** A lane's connection is cut at every byte of what the database says: what is written stands once, or not at all. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cut, cuttingProxy } from '../../test/cutting-proxy.ts';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { connect, type Db } from './client.ts';
import { inOneGo, inTwoSteps } from './pipeline.ts';
import { sql } from './words.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await database.owner`create table said (what text)`;
  await database.owner`grant insert on said to tiki_app`;
});
afterAll(() => database.close());

const say = (what: string) => sql`insert into said values (${what})`;
const WAYS: Readonly<Record<string, (db: Db, what: string) => Promise<unknown>>> = {
  'in one go': (db: Db, what: string) => inOneGo(db, [say(what), say(what)]),
  'in two steps': (db: Db, what: string) =>
    inTwoSteps(db, { ask: say(what), write: () => ({ statement: say(what), value: 1 }) }),
};
const AT_ONCE = 8;

test.each(
  (['in one go', 'in two steps'] as const).flatMap((way) =>
    (['ends', 'resets'] as const).map((how) => [way, how] as const),
  ),
)('%s, and the connection %s', async (way, how) => {
  const run = WAYS[way] ?? (() => Promise.reject(new Error('no such way')));
  const measured = await cuttingProxy(database.appUrl);
  const whole = connect({ url: measured.url, maxConnections: 1 });
  await run(whole.db, 'whole');
  await whole.close();
  measured.close();
  const bytes = Array.from({ length: measured.longest() + 1 }, (_, index) => index);
  const outcomes = new Map<string, boolean>();
  const cutAt = async (place: number, by: Cut) => {
    const what = `${way} ${by} ${place}`;
    const proxy = await cuttingProxy(database.appUrl);
    proxy.cut({ bytes: place, how: by });
    const pool = connect({ url: proxy.url, maxConnections: 1 });
    outcomes.set(
      what,
      await run(pool.db, what).then(
        () => true,
        () => false,
      ),
    );
    // Over its next connection: the first try may still find the one that is just going.
    const again = () => run(pool.db, `${what} again`);
    await again().catch(again);
    await pool.close();
    proxy.close();
  };
  for (let from = 0; from < bytes.length; from += AT_ONCE)
    await Promise.all(bytes.slice(from, from + AT_ONCE).map((place) => cutAt(place, how)));
  const rows = await database.owner<{ what: string; times: number }[]>`
    select what, count(*)::int as times from said group by what`;
  const times = new Map(rows.map((row) => [row.what, row.times]));
  for (const [what, isAnswered] of outcomes) {
    const stood = times.get(what) ?? 0;
    expect([0, 2], what).toContain(stood);
    if (isAnswered) expect(stood, what).toBe(2);
    expect([2, 4], what).toContain(times.get(`${what} again`));
  }
  const answered = [...outcomes.values()].filter(Boolean).length;
  expect(answered).toBeGreaterThan(0);
  expect(outcomes.size - answered).toBeGreaterThan(100);
});
