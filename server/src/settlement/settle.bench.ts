/**
 * How fast batches become money: rows S1 to S8. Limits and peers are measured in the same run against the same
 * PostgreSQL, in rounds that take turns, and a gate looks at the median of the rounds' ratios. Every payment is fresh and
 * signed before the clock starts; every commit is synced.
 */
import { randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { type BenchCloud, startBenchCloud } from '../../test/bench/cloud.ts';
import { growthRows } from '../../test/bench/growth.ts';
import { VerifyOnly } from '../../test/bench/limits.ts';
import { layPgbench, type Pgbench } from '../../test/bench/pgbench.ts';
import { drawPairs, laySeedTables, type Pair, payAsSeed, perSecond } from '../../test/bench/seed.ts';
import { laySeedSettlement, SeedSettler } from '../../test/bench/seed-settle.ts';
import { Shops, type Unsettled } from '../../test/bench/shops.ts';
import { atLeast, atMost, type BenchRow, figure, overRounds } from '../../../scripts/figures.ts';
import { inTransaction } from '../db/retry.ts';
import type { EnrolledKiosk } from '../kiosks/index.ts';
import { type NewTransfer, postTransfers } from '../ledger/index.ts';
import { chooseWay, SignaturePool } from '../trust/index.ts';
import { Certificates } from './certificates.ts';
import { settleBatch, settleNeeds } from './settle.ts';

const ROUNDS = 5;
/** A compiler still at work shares the two cores with what is measured. */
const WARM_UP = 2;
const SETTLERS = 8;
const BATCH = 500;
/** One after the other by each kiosk: what is measured is the stream, not how it starts and ends. */
const BATCHES = 3;
/** The slow peer is given one batch a kiosk. */
const SEED_BATCHES = 1;
/** One for each payment of a turn: two shops seldom settle the same phone in the same moment. */
const PHONES = SETTLERS * BATCHES * BATCH;
const SEED_PHONES = SETTLERS * SEED_BATCHES * BATCH;
const ACCOUNTS = 2_000;
const POSTED = 1_000;
/** Of the peer that only moves money between two hot accounts. */
const SEED_PAYMENTS = 800;

interface World {
  readonly cloud: BenchCloud;
  readonly shops: Shops;
  readonly seed: SeedSettler;
  readonly accounts: readonly string[];
  readonly pairs: Readonly<Record<'uniform' | 'zipf', readonly Pair[]>>;
  readonly verifyOnly: VerifyOnly;
  readonly verifyOnlyOwn: VerifyOnly;
  readonly pgbench: Pgbench | null;
  readonly warm: ReturnType<typeof settleNeeds>;
  readonly cold: ReturnType<typeof settleNeeds>;
}

async function layWorld(cloud: BenchCloud): Promise<World> {
  const { context } = cloud;
  const groups = [PHONES, SEED_PHONES].map((phones) => ({ kiosks: SETTLERS, phones }));
  const shops = await Shops.open(cloud, { groups, customers: ACCOUNTS });
  const { accounts, signed } = shops.laid;
  await laySeedTables(cloud, ACCOUNTS);
  await laySeedSettlement(cloud);
  // Nothing remembered: each batch verifies its certificates and imports its keys anew.
  const forgetful = new SignaturePool({ rememberedKeys: 0 });
  const certificates = new Certificates({
    trust: context.offline.trust,
    clock: context.clock,
    log: context.log,
    verifier: forgetful,
    maxRemembered: 0,
  });
  return {
    cloud,
    shops,
    seed: new SeedSettler(cloud, settleNeeds(context)),
    accounts,
    pairs: {
      uniform: drawPairs(SETTLERS * POSTED, ACCOUNTS, 'uniform'),
      zipf: drawPairs(SETTLERS * POSTED, ACCOUNTS, 'zipf'),
    },
    verifyOnly: VerifyOnly.byNodeCrypto(signed),
    verifyOnlyOwn: VerifyOnly.byOurs(signed),
    pgbench: await layPgbench(cloud),
    warm: settleNeeds(context),
    cold: { ...settleNeeds(context), verifier: forgetful, certificates },
  };
}

interface Turn {
  readonly group: 0 | 1;
  readonly batches: number;
}

/** As many settlers as there are kiosks. @returns payments a second */
async function settleAll(
  shops: Shops,
  { group, batches }: Turn,
  settleOne: (kiosk: EnrolledKiosk, envelope: Uint8Array) => Promise<unknown>,
): Promise<number> {
  const settling = async ({ kiosk, envelopes }: Unsettled) => {
    for (const envelope of envelopes) await settleOne(kiosk, envelope);
  };
  const unsettled = await shops.next({ group, batches, size: BATCH });
  return (await perSecond(unsettled, SETTLERS, settling)) * batches * BATCH;
}

function settle({ shops }: World, needs: World['warm']): Promise<number> {
  return settleAll(shops, { group: 0, batches: BATCHES }, (kiosk, envelope) =>
    settleBatch(needs, kiosk, envelope),
  );
}

/** The same batches with the same certificates known, a transaction a payment. */
function settleAsSeed({ shops, seed }: World): Promise<number> {
  return settleAll(shops, { group: 1, batches: SEED_BATCHES }, (kiosk, envelope) =>
    seed.settle(kiosk, envelope),
  );
}

function transfersOf(
  { accounts, pairs }: World,
  law: 'uniform' | 'zipf',
): readonly (readonly NewTransfer[])[] {
  const all = pairs[law].map(([payer, payee]): NewTransfer => {
    const id = randomUUIDv7();
    return {
      id,
      kind: 'user_transfer',
      idempotencyKey: `bench:${id}`,
      reference: { payerText: 'S•••• +65 •••• 1234', payeeText: 'T•••• +65 •••• 4321' },
      entries: [
        { accountId: accounts[payer] ?? '', amountMinor: -1n },
        { accountId: accounts[payee] ?? '', amountMinor: 1n },
      ],
    };
  });
  return Array.from({ length: SETTLERS }, (_, n) => all.slice(n * POSTED, (n + 1) * POSTED));
}

async function post({ cloud }: World, batches: readonly (readonly NewTransfer[])[]): Promise<number> {
  const work = (batch: readonly NewTransfer[]) =>
    inTransaction(cloud.context.db, (tx) => postTransfers(tx, batch));
  return (await perSecond(batches, SETTLERS, work)) * POSTED;
}

async function countRows({ cloud }: World): Promise<number> {
  const [row] = await cloud.context.db.execute<{ n: string }>(
    sql`select (select count(*) from ledger_transfers) + (select count(*) from ledger_entries) as n`,
  );
  return Number(row?.n);
}

async function measureRound(world: World) {
  const before = await world.verifyOnly.perSecond();
  const cold = await settle(world, world.cold);
  const warm = await settle(world, world.warm);
  const after = await world.verifyOnly.perSecond();
  const own = await world.verifyOnlyOwn.perSecond();
  const seed = await settleAsSeed(world);
  const uniform = transfersOf(world, 'uniform');
  const posted = await post(world, uniform);
  const rowsBefore = await countRows(world);
  const replayed = await post(world, uniform);
  const rows = (await countRows(world)) - rowsBefore;
  const hot = await post(world, transfersOf(world, 'zipf'));
  const seedHot = await perSecond(world.pairs.zipf.slice(0, SEED_PAYMENTS), SETTLERS, (pair) =>
    payAsSeed(world.cloud.app, pair),
  );
  const pgbench = (await world.pgbench?.perSecond()) ?? null;
  // Before and after: a limit that was caught in a quiet moment says nothing about a busy one.
  const limit = 2 / (1 / before + 1 / after);
  return { limit, own, cold, warm, seed, posted, replayed, rows, hot, seedHot, pgbench };
}

type Round = Awaited<ReturnType<typeof measureRound>>;

export default async function bench(): Promise<readonly BenchRow[]> {
  const cloud = await startBenchCloud(SETTLERS + 2);
  try {
    const world = await layWorld(cloud);
    // Everybody has settled before: code is compiled and plans are kept, on both sides and each way.
    for (let warmed = 0; warmed < WARM_UP; warmed += 1) {
      await settle(world, world.warm);
      await settle(world, world.cold);
      await settleAsSeed(world);
      await post(world, transfersOf(world, 'uniform'));
    }
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measureRound(world));
    await Promise.all([world.verifyOnly.end(), world.verifyOnlyOwn.end(), world.shops.close()]);
    const [deadlocks] = await cloud.owner<{ deadlocks: number }[]>`
      select deadlocks::int from pg_stat_database where datname = current_database()`;
    const growth = await growthRows(cloud, {
      post: async () => {
        const [batch = []] = transfersOf(world, 'uniform');
        await inTransaction(cloud.context.db, (tx) => postTransfers(tx, batch));
      },
    });
    return [...rowsOf(rounds, deadlocks?.deadlocks ?? Number.NaN), ...growth];
  } finally {
    await cloud.close();
  }
}

function rowsOf(rounds: readonly Round[], deadlocks: number): readonly BenchRow[] {
  const over = (pick: (round: Round) => number) => overRounds(rounds, pick);
  const rate = (id: string, what: string, pick: (round: Round) => number) =>
    figure(id, what, over(pick), 'per_second');
  const x = (id: string, what: string, ratioTo: string, pick: (round: Round) => number) => ({
    ...{ id, what, ratioTo, unit: 'x' },
    value: over(pick),
  });
  const settling = 'batches of 500, 8 settlers, to the signed acknowledgement';
  const posting = 'batches of 1000 transfers, 8 callers, all references proved';
  const pgbench = rounds.every((round) => round.pgbench !== null);
  return [
    rate('verify_only', 'certificate and payment, keys imported, all cores', (r) => r.limit),
    rate('verify_only_own', `the same as our threads do it (${chooseWay(true).way})`, (r) => r.own),
    rate('settle_cold', `${settling}, nothing remembered`, (r) => r.cold),
    rate('settle', `${settling}, certificates known`, (r) => r.warm),
    rate('seed_settle', 'the same batches, a transaction a payment, 8 callers', (r) => r.seed),
    rate('post', posting, (r) => r.posted),
    rate('post_hot', `${posting}, Zipf s=2`, (r) => r.hot),
    rate('post_again', `${posting}, all posted before`, (r) => r.replayed),
    rate('seed_hot', 'a transaction a payment, 8 callers, Zipf s=2', (r) => r.seedHot),
    ...(pgbench ? [rate('pgbench', 'TPC-B-like, 8 clients', (r) => r.pgbench ?? Number.NaN)] : []),
    atLeast(
      x('S1', 'settle, nothing remembered', 'verify_only', (r) => r.cold / r.limit),
      { gate: 0.85, stretch: 0.93 },
    ),
    atLeast(
      x('S2', 'settle, certificates known', 'verify_only', (r) => r.warm / r.limit),
      { gate: 1.7, stretch: 2 },
    ),
    x('S1_own', 'settle, nothing remembered', 'verify_only_own', (r) => r.cold / r.own),
    x('S2_own', 'settle, certificates known', 'verify_only_own', (r) => r.warm / r.own),
    atLeast(
      x('S3', 'settle, certificates known', 'seed_settle', (r) => r.warm / r.seed),
      { gate: 16, stretch: 25 },
    ),
    ...(pgbench
      ? [
          atLeast(
            x('S4', 'post', 'pgbench', (r) => r.posted / (r.pgbench ?? Number.NaN)),
            { gate: 4, stretch: 9 },
          ),
        ]
      : [
          figure(
            'S4',
            'not measured: there is no pgbench here (Debian: postgresql-contrib)',
            Number.NaN,
            'x',
          ),
        ]),
    atLeast(
      x('S5', 'post, Zipf s=2', 'post', (r) => r.hot / r.posted),
      { gate: 1, stretch: 1.6 },
    ),
    atLeast(
      x('S6', 'post, Zipf s=2', 'seed_hot', (r) => r.hot / r.seedHot),
      { gate: 20, stretch: 35 },
    ),
    atMost(
      { id: 'S6_deadlocks', what: 'deadlocks of the whole run', unit: 'deadlocks', value: deadlocks },
      { gate: 0 },
    ),
    atLeast(
      x('S7', 'post again', 'post', (r) => r.replayed / r.posted),
      { gate: 1.8, stretch: 2.2 },
    ),
    atMost(
      {
        id: 'S7_rows',
        what: 'rows that posting again wrote',
        unit: 'rows',
        value: Math.max(...rounds.map((r) => r.rows)),
      },
      { gate: 0 },
    ),
  ];
}
