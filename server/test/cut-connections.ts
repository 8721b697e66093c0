/**
 * A process that asks the database of its first argument over connections that are cut, once at every byte of what the database
 * says until it has answered. A process of its own, because what is tested is that it does not end by itself.
 */
import { sql } from 'drizzle-orm';
import { connect } from '../src/db/client.ts';
import { type Cut, cuttingProxy } from './cutting-proxy.ts';

const AT_ONCE = 8;
const url = process.argv[2] ?? '';

async function measure(): Promise<number> {
  const proxy = await cuttingProxy(url);
  const database = connect({ url: proxy.url, maxConnections: 1 });
  await database.db.execute(sql`select 1`);
  await database.close();
  proxy.close();
  return proxy.longest();
}

async function cutOnce(bytes: number, how: Cut): Promise<'answered' | 'refused'> {
  const proxy = await cuttingProxy(url);
  proxy.cut({ bytes, how });
  const database = connect({ url: proxy.url, maxConnections: 1 });
  const first = await database.db.execute(sql`select 1`).then(
    () => 'answered' as const,
    () => 'refused' as const,
  );
  // The same pool, over its next connection: the first try may still find one that is just going.
  const again = () => database.db.execute(sql`select 1`);
  await again().catch(again);
  await database.close();
  proxy.close();
  return first;
}

/** As when what is before the database has none to give. */
async function cutAlways(how: Cut): Promise<number> {
  const proxy = await cuttingProxy(url);
  proxy.cut({ bytes: 0, how, times: Infinity });
  const database = connect({ url: proxy.url, maxConnections: 1 });
  await database.db.execute(sql`select 1`).catch(() => undefined);
  await database.close();
  proxy.close();
  return proxy.dialled();
}

const total = await measure();
const counts = { answered: 0, refused: 0 };
for (const how of ['ends', 'resets'] as const) {
  for (let from = 0; from <= total; from += AT_ONCE) {
    const bytes = Array.from({ length: Math.min(AT_ONCE, total + 1 - from) }, (_, index) => from + index);
    for (const one of await Promise.all(bytes.map((place) => cutOnce(place, how)))) counts[one] += 1;
  }
}
const dialled = { ends: await cutAlways('ends'), resets: await cutAlways('resets') };
console.log(JSON.stringify({ total, ...counts, dialled }));
