/**
 * What row-level security costs, by the processor time of PostgreSQL's own processes, which a busy machine does not change: a page of
 * a history read as its tenant, a person's money moved as the member, and batches settled as the worker; each against the same work
 * without the policies, in rounds that take turns. RLS2 is the whole price of the second line for a reader: another role and its
 * settings, too.
 */
import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { figure, overRounds, type BenchRow } from '../../../scripts/figures.ts';
import { type BenchCloud, startBenchCloud } from '../../test/bench/cloud.ts';
import { addCustomers, addKiosks, addPhones, nextBatch } from '../../test/bench/market.ts';
import { postTransfers, readHistory } from '../ledger/index.ts';
import { settleBatch, settleNeeds } from '../settlement/index.ts';
import { inTransaction } from './retry.ts';

const PEOPLE = 300;
const ENTRIES_EACH = 60;
const READS = 300;
const MOVES = 200;
const BATCH = 300;
const ROUNDS = 5;
const SNAPSHOT = { isolationLevel: 'repeatable read', accessMode: 'read only' } as const;

interface World {
  readonly cloud: BenchCloud;
  readonly people: readonly { readonly userId: string; readonly accountId: string }[];
  readonly opening: string;
}

export default async function bench(): Promise<readonly BenchRow[]> {
  const cloud = await startBenchCloud(1);
  try {
    const world = await layWorld(cloud);
    const settle = await settling(cloud);
    // Plans, caches and connections of all of it.
    for (const work of [
      () => readAs(world, 'tenant'),
      () => readAs(world, 'application'),
      () => move(world),
      settle,
    ])
      await work();
    const rounds: Awaited<ReturnType<typeof round>>[] = [];
    for (let n = 0; n < ROUNDS; n += 1) rounds.push(await round(world, settle));
    const us = (id: string, what: string, pick: (one: (typeof rounds)[number]) => number, unit: string) =>
      figure(id, what, overRounds(rounds, pick), unit);
    const ratio = (
      id: string,
      what: string,
      pick: (one: (typeof rounds)[number]) => number,
      ratioTo: string,
    ) => ({
      ...us(id, what, pick, 'x'),
      ratioTo,
    });
    return [
      us('rls_history', 'a page of a history, as its tenant', (r) => r.tenant / READS, 'us of PostgreSQL'),
      ratio('RLS1', 'history as tenant', (r) => r.tenant / r.tenantOff, 'the same without policies'),
      ratio('RLS2', 'history as tenant', (r) => r.tenant / r.application, 'as the application'),
      us('rls_member', "a person's money moved, as the member", (r) => r.member / MOVES, 'us of PostgreSQL'),
      ratio('RLS3', 'moved as member', (r) => r.member / r.memberOff, 'the same without policies'),
      us('rls_settle', 'a payment settled, as the worker', (r) => r.settle / BATCH, 'us of PostgreSQL'),
      ratio('RLS4', 'settled as worker', (r) => r.settle / r.settleOff, 'the same without policies'),
    ];
  } finally {
    await cloud.close();
  }
}

async function round(world: World, settle: () => Promise<void>) {
  const { cloud } = world;
  const measure = (work: () => Promise<void>) => processorTime(cloud, work);
  const application = await measure(() => readAs(world, 'application'));
  const tenant = await measure(() => readAs(world, 'tenant'));
  const member = await measure(() => move(world));
  const settled = await measure(settle);
  const off = await withoutPolicies(cloud, async () => ({
    tenantOff: await measure(() => readAs(world, 'tenant')),
    memberOff: await measure(() => move(world)),
    settleOff: await measure(settle),
  }));
  return { application, tenant, member, settle: settled, ...off };
}

async function layWorld(cloud: BenchCloud): Promise<World> {
  const people = await addCustomers(cloud, PEOPLE, 1_000_000n);
  const [opening] = await cloud.owner<
    { id: string }[]
  >`select id from ledger_accounts where kind = 'opening'`;
  if (opening === undefined) throw new Error('nothing was opened');
  const world = { cloud, people, opening: opening.id };
  for (let n = 0; n < ENTRIES_EACH; n += 1)
    await inTransaction(cloud.context.db, (tx) =>
      postTransfers(
        tx,
        people.map(({ accountId }) => transferOf(world, accountId)),
      ),
    );
  await cloud.owner`analyze`;
  return world;
}

const transferOf = ({ opening }: Pick<World, 'opening'>, accountId: string) => ({
  id: randomUUIDv7(),
  kind: 'opening' as const,
  idempotencyKey: randomUUID(),
  reference: {},
  entries: [
    { accountId: opening, amountMinor: -1n },
    { accountId, amountMinor: 1n },
  ],
});

async function readAs({ cloud, people }: World, who: 'tenant' | 'application'): Promise<void> {
  const { asTenant, db } = cloud.context;
  for (let n = 0; n < READS; n += 1) {
    const userId = people[n % people.length]?.userId ?? '';
    const query = { holderId: userId, limit: 30 };
    if (who === 'tenant') await asTenant({ userId, merchantId: null }, (tx) => readHistory(tx, query));
    else await db.transaction((tx) => readHistory(tx, query), SNAPSHOT);
  }
}

async function move(world: World): Promise<void> {
  for (const { userId, accountId } of world.people.slice(0, MOVES))
    await inTransaction(world.cloud.context.dbOf({ userId, merchantId: null }), (tx) =>
      postTransfers(tx, [transferOf(world, accountId)]),
    );
}

/** One batch of a kiosk, signed before the clock of {@link processorTime} could see it: that counts PostgreSQL only. */
async function settling(cloud: BenchCloud): Promise<() => Promise<void>> {
  const phones = await addPhones(cloud, BATCH, 1_000_000n);
  const [kiosk] = await addKiosks(cloud, 1);
  if (kiosk === undefined) throw new Error('there is no kiosk');
  const needs = settleNeeds(cloud.context);
  return async () => {
    await settleBatch(needs, kiosk.kiosk, nextBatch(kiosk, phones));
  };
}

/** Of all of the application's connections, in microseconds. */
async function processorTime(cloud: BenchCloud, work: () => Promise<void>): Promise<number> {
  const rows = await cloud.owner<{ pid: number }[]>`
    select pid from pg_stat_activity where usename = 'tiki_app' and datname = current_database()`;
  const spent = () =>
    rows.reduce(
      (sum, { pid }) => sum + Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1_000,
      0,
    );
  const from = spent();
  await work();
  return spent() - from;
}

async function withoutPolicies<T>({ owner }: BenchCloud, work: () => Promise<T>): Promise<T> {
  const tables = await owner<{ name: string }[]>`
    select oid::regclass::text as name from pg_class where relrowsecurity and relnamespace = 'public'::regnamespace`;
  const set = async (word: 'enable' | 'disable') => {
    for (const { name } of tables) await owner.unsafe(`alter table ${name} ${word} row level security`);
  };
  await set('disable');
  try {
    return await work();
  } finally {
    await set('enable');
  }
}
