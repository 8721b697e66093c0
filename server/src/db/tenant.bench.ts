/**
 * What row-level security costs: a page of a history read as its tenant, against the same read in the same kind of
 * transaction as the application. Posting is not bound by a tenant's policy; its ratio shows what the constant one costs.
 */
import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { openAccount, postTransfers, readHistory } from '../ledger/index.ts';
import { createLogger } from '../log.ts';
import { connect, type Db } from './client.ts';
import { startEmbedded } from './embedded.ts';
import { migrate } from './migrate.ts';
import { createTenantReads } from './tenant.ts';

const PASSWORD = 'password-of-a-bench-run';
const PEOPLE = 200;
const TRANSFERS_EACH = 50;
const READS = 300;
const ROUNDS = 5;

interface Row {
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly ratioTo: string;
}

export default async function bench(): Promise<readonly Row[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tiki-bench-tenant-'));
  chmodSync(dataDir, 0o755);
  const cluster = await startEmbedded({ dataDir, disposable: true });
  try {
    await migrate({ ownerUrl: cluster.ownerUrl(), appRolePassword: PASSWORD });
    const url = new URL(cluster.ownerUrl());
    url.username = 'tiki_app';
    url.password = PASSWORD;
    const database = connect({ url: url.href, maxConnections: 4 });
    const people = await seed(database.db);
    const asTenant = await createTenantReads(database.db, createLogger({ level: 'silent' }));
    const snapshot = { isolationLevel: 'repeatable read', accessMode: 'read only' } as const;
    const asApp = (userId: string) =>
      database.db.transaction((tx) => readHistory(tx, { holderId: userId, limit: 30 }), snapshot);
    const guarded = (userId: string) =>
      asTenant({ userId, merchantId: null }, (tx) => readHistory(tx, { holderId: userId, limit: 30 }));
    const post = () => postMany(database.db, people);
    const ratios = { reads: [] as number[], posts: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      const plain = await time(() => each(people, asApp));
      ratios.reads.push(plain / (await time(() => each(people, guarded))));
      const on = await time(post);
      await withoutPolicies(cluster.ownerUrl(), async () => ratios.posts.push((await time(post)) / on));
    }
    await database.close();
    return [
      {
        id: 'RLS1',
        what: 'history as tenant',
        value: median(ratios.reads),
        unit: 'x',
        ratioTo: 'as the application',
      },
      {
        id: 'RLS2',
        what: 'posting with policies',
        value: median(ratios.posts),
        unit: 'x',
        ratioTo: 'without policies',
      },
    ];
  } finally {
    await cluster.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function seed(db: Db): Promise<string[]> {
  const people = Array.from({ length: PEOPLE }, () => randomUUID());
  for (const id of people)
    await openAccount(db, { kind: 'user_online', ownerId: id, holderId: id, currency: 'SGD' });
  await openAccount(db, { kind: 'opening', currency: 'SGD' });
  for (let time = 0; time < TRANSFERS_EACH; time += 1) await postMany(db, people);
  await db.execute(sql`analyze`);
  return people;
}

/** One transfer to everybody, in one batch. */
async function postMany(db: Db, people: readonly string[]): Promise<void> {
  await db.transaction(async (tx) => {
    const accounts = await tx.execute<{ id: string; kind: string }>(
      sql`select id, kind from ledger_accounts`,
    );
    const opening = accounts.find(({ kind }) => kind === 'opening')?.id ?? '';
    const transfers = accounts
      .filter(({ kind }) => kind === 'user_online')
      .slice(0, people.length)
      .map(({ id }) => ({
        id: randomUUIDv7(),
        kind: 'opening' as const,
        idempotencyKey: randomUUID(),
        reference: {},
        entries: [
          { accountId: opening, amountMinor: -1n },
          { accountId: id, amountMinor: 1n },
        ],
      }));
    await postTransfers(tx, transfers);
  });
}

const GUARDED = ['ledger_accounts', 'ledger_entries', 'ledger_transfers'];

async function withoutPolicies(ownerUrl: string, work: () => Promise<unknown>): Promise<void> {
  const owner = connect({ url: ownerUrl, maxConnections: 1 });
  const set = async (word: 'enable' | 'disable') => {
    for (const table of GUARDED)
      await owner.db.execute(sql.raw(`alter table ${table} ${word} row level security`));
  };
  await set('disable');
  await work();
  await set('enable');
  await owner.close();
}

async function each(people: readonly string[], read: (userId: string) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < READS; at += 1) await read(people[at % people.length] ?? '');
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
