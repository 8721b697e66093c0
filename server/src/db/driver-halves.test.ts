/** What is left of an answer, or of a question to cancel, when its connection ends or its statement fails half way. */
import { type AddressInfo, connect as dial, createServer } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { openDriver } from './driver.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

function open() {
  const sql = openDriver(database.ownerUrl, { max: 1 });
  onTestFinished(() => sql.end({ timeout: 1 }));
  return sql;
}

test('rows of a statement that failed half way are not counted with the next one’s', async () => {
  const sql = open();
  await expect(sql`select 1 / (n - 500) from generate_series(1, 1000) n`).rejects.toMatchObject({
    code: '22012',
  });
  expect([...(await sql`select 1 as one`)]).toEqual([{ one: 1 }]);
});

test('rows of a statement whose connection ended half way are not counted with the next one’s', async () => {
  const sql = open();
  const [{ pid } = { pid: 0 }] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const asked =
    sql`select n, repeat('x', 1000), case when n = 20000 then pg_sleep(20) end from generate_series(1, 20000) n`.execute();
  const asleep = async () =>
    (
      await database.owner`
    select pg_terminate_backend(pid) from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep'`
    ).length;
  await expect.poll(asleep).toBe(1);
  await expect(asked).rejects.toBeInstanceOf(Error);
  const again = () => sql`select 1 as one`;
  expect([...(await again().catch(again))]).toEqual([{ one: 1 }]);
});

test('a statement that is cancelled says so, and ends no process', async () => {
  const sql = open();
  const asked = sql`select pg_sleep(20)`.execute();
  const asleep = async () =>
    (await database.owner`select 1 from pg_stat_activity where wait_event = 'PgSleep'`).length;
  await expect.poll(asleep).toBe(1);
  asked.cancel();
  await expect(asked).rejects.toMatchObject({ code: '57014' });
  expect([...(await sql`select 1 as one`)]).toEqual([{ one: 1 }]);
});

test('where none of several hosts answers, who asks is told so', async () => {
  const sql = openDriver('postgres://nobody@127.0.0.1:1,127.0.0.1:2/none', { max: 1 });
  onTestFinished(() => sql.end({ timeout: 1 }));
  await expect(sql`select 1`).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test.each(['in', 'out'])('a COPY %s whose connection ends half way ends with an error', async (way) => {
  await database.owner`create table if not exists copied (what text)`;
  const sql = open();
  const copied = sql.begin(async (tx) => {
    const [{ pid } = { pid: 0 }] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const end = () => database.owner`select pg_terminate_backend(${pid})`;
    if (way === 'in') {
      const target = await tx.unsafe('copy copied from stdin').writable();
      const lines = async function* () {
        yield 'one\n';
        await end();
        for (let line = 0; line < 1000; line += 1) {
          yield `${line}\n`;
          await delay(1);
        }
      };
      await pipeline(lines, target);
    } else {
      const source = await tx
        .unsafe(`copy (select repeat('x', 10000) from generate_series(1, 10000)) to stdout`)
        .readable();
      const lines = async (chunks: AsyncIterable<Buffer>) => {
        for await (const _ of chunks) await end();
      };
      await pipeline(source, lines);
    }
  });
  await expect(copied).rejects.toBeInstanceOf(Error);
  const again = () => sql`select 1 as one`;
  expect([...(await again().catch(again))]).toEqual([{ one: 1 }]);
  expect([...(await sql`select what from copied`)]).toEqual([]);
});

/** A way to the database that ends each connection after an error that says `mark`, before the database is ready again. */
async function endingAfter(mark: string): Promise<string> {
  const { port, hostname } = new URL(database.ownerUrl);
  const proxy = createServer((near) => {
    const far = dial(Number(port), hostname);
    for (const socket of [near, far])
      socket.on('error', () => undefined).on('close', () => [near, far].map((s) => s.destroy()));
    near.pipe(far);
    far.on('data', (said: Buffer) => {
      const at = said.indexOf(mark);
      if (at < 0) near.write(said);
      // The name of the routine is the last field of an error.
      else near.end(said.subarray(0, at + mark.length + 2));
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  const to = new URL(database.ownerUrl);
  to.port = String((proxy.address() as AddressInfo).port);
  return to.href;
}

test('what was refused for a plan that is gone is not sent again once its connection is lost', async () => {
  await database.owner`create table planned (id int)`;
  const sql = openDriver(await endingAfter('RevalidateCachedQuery'), { max: 1 });
  onTestFinished(() => sql.end({ timeout: 1 }));
  const insert = () => sql`insert into planned values (1) returning *`;
  await insert();
  await insert();
  await database.owner`alter table planned add column more int`;
  await expect(insert()).rejects.toBeInstanceOf(Error);
  const again = () => sql`select 1 as one`;
  expect([...(await again().catch(again))]).toEqual([{ one: 1 }]);
  await delay(100);
  expect([...(await database.owner`select count(*)::int as count from planned`)]).toEqual([{ count: 2 }]);
});
