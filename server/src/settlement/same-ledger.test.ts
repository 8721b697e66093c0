/**
 * One day of twenty shops with doubled spends in it, settled again and again: in other orders, other pieces, by more
 * workers, with repeats and cut-off bytes between them. Every way has to end in the same ledger.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addKiosks, addPhones, batchOf, type BenchKiosk, sell } from '../../test/bench/market.ts';
import { type ClonableDatabase, type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { clone } from '../../test/simulated-phone.ts';
import { systemClock } from '../clock.ts';
import { readConfig } from '../config.ts';
import { createContext } from '../context-from-config.ts';
import { connect, type Db } from '../db/client.ts';
import { ApiProblem } from '../http/problem.ts';
import { reconcile } from '../ledger/index.ts';
import { createLogger } from '../log.ts';
import { reconcileJournals, settleBatch, settleNeeds } from './index.ts';
import type { SettlementTransfers } from './post-payments.ts';

const KIOSKS = 20;
const SALES = 50;
const PHONES = 100;
const CAP_MINOR = 1_000n;
/** The first ten phones are copied before they pay, and each copy pays as if it were the only one. */
const COPIED = 10;

let folder: string;
let origin: ClonableDatabase;
let kiosks: readonly BenchKiosk[];
const contextOf = (db: Db, transfers: SettlementTransfers) => {
  const config = readConfig({
    TIKI_SETTLEMENT_TRANSFERS: transfers,
    TIKI_DATA_DIR: folder,
    TIKI_GUARANTEE_MONTH_MINOR: '100000000',
    TIKI_GUARANTEE_ALL_MONTH_MINOR: '100000000',
  });
  return createContext({ config, clock: systemClock, db, log: createLogger({ level: 'silent' }) });
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-same-ledger-'));
  origin = await freshDatabase();
  const cloud = { context: await contextOf(origin.db, 'batch'), owner: origin.owner };
  kiosks = await addKiosks(cloud, KIOSKS);
  const phones = await addPhones(cloud, PHONES, CAP_MINOR);
  const copies = phones.map((phone, index) => (index < COPIED ? clone(phone) : phone));
  for (const [k, kiosk] of kiosks.entries())
    for (let n = 0; n < SALES; n += 1) {
      const index = (k * 7 + n) % PHONES;
      const phone = (k % 2 === 0 ? phones : copies)[index];
      // A copied phone and its copy each pay more than half of the cap: together they overspend it.
      if (phone !== undefined) sell(kiosk, phone, BigInt(index < COPIED ? 130 : 60 + (n % 3)));
    }
});
afterAll(async () => {
  await origin.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Arrangement {
  /** How many entries a batch has, taken in turn. */
  readonly sizes: readonly number[];
  /** Which kiosk is next, as a share of those that still have something. */
  readonly order: readonly number[];
  readonly workers: number;
  readonly repeats: boolean;
  /** How each of the two servers writes its transfers. */
  readonly transfers: readonly SettlementTransfers[];
}

/** What the day comes to, in words that do not depend on who came first. */
async function settleDay({ sizes, order, workers, repeats, transfers }: Arrangement) {
  const database = await freshDatabase({ template: origin, maxConnections: 4 });
  // Two servers, each with a pool and a memory of its own.
  const second = connect({ url: database.appUrl, maxConnections: 4 });
  try {
    const servers = await Promise.all(
      [database.db, second.db].map(async (db, at) =>
        settleNeeds(await contextOf(db, transfers[at % transfers.length] ?? 'batch')),
      ),
    );
    let turn = 0;
    const next = (from: readonly number[]) => from[turn++ % from.length] ?? 1;
    const left = kiosks.map((kiosk) => ({ kiosk, settled: 0 }));
    const work = async (worker: number): Promise<void> => {
      for (;;) {
        const open = left.filter(({ settled }) => settled < SALES);
        const mine = open[next(order) % Math.max(open.length, 1)];
        if (mine === undefined) return;
        const from = repeats ? Math.max(1, mine.settled - 2) : mine.settled + 1;
        const to = Math.min(mine.settled + next(sizes), SALES);
        const envelope = batchOf(mine.kiosk, { from, to });
        const hands = servers.map((needs) => () => settle(needs, mine.kiosk, envelope));
        if (repeats) {
          await expect(
            settle(servers[0], mine.kiosk, envelope.subarray(0, envelope.length - 9)),
          ).resolves.toBe('batch_malformed');
          await Promise.all(hands.map((hand) => hand()));
        } else await hands[worker % hands.length]?.();
        mine.settled = Math.max(mine.settled, to);
        if (workers === 1) expect(await reconcile(database.db)).toMatchObject({ sound: true });
      }
    };
    await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
    expect(await reconcile(database.db)).toMatchObject({ sound: true });
    expect(await reconcileJournals(database.db)).toMatchObject({ sound: true });
    const transferCount = await countTransfers(database);
    return { day: await comesTo(database), transferCount };
  } finally {
    await second.close();
    await database.close();
  }
}

async function settle(
  needs: Parameters<typeof settleBatch>[0] | undefined,
  { kiosk }: BenchKiosk,
  envelope: Uint8Array,
) {
  if (needs === undefined) throw new Error('no server');
  return settleBatch(needs, kiosk, envelope).then(
    () => 'settled',
    (error: unknown) => {
      // Another worker may have been quicker, or slower: a kiosk that hears of a gap goes on from there.
      if (error instanceof ApiProblem && ['batch_gap', 'batch_malformed'].includes(error.code))
        return error.code;
      throw error;
    },
  );
}

/** Of offline payments, alone and together. */
async function countTransfers({ owner }: FreshDatabase): Promise<number> {
  const [row] = await owner<{ n: number }[]>`
    select count(*)::int as n from ledger_transfers where kind in ('offline_payment', 'offline_payments')`;
  return row?.n ?? Number.NaN;
}

async function comesTo({ owner }: FreshDatabase) {
  const sums = await owner`
    select a.kind, a.owner_id, sum(e.amount_minor)::text as sum
    from ledger_entries e join ledger_accounts a on a.id = e.account_id
    where a.kind <> 'opening' group by a.id order by a.kind, a.owner_id`;
  const verdicts = await owner`
    select encode(payment_hash, 'hex') as hash, outcome in ('settled', 'settled_by_guarantee') as paid, code
    from payments order by payment_hash`;
  const told = await owner`
    select enrolment_id, sequence, counted, outcome in ('settled', 'settled_by_guarantee') as paid
    from sales order by enrolment_id, sequence`;
  const cases = await owner`select allowance_id from double_spend_cases order by allowance_id`;
  const denied = await owner`select id from allowances where status = 'denied' order by id`;
  const owed = await owner`
    select user_id, sum(amount_minor)::text as owed from debts group by user_id order by user_id`;
  return {
    sums: [...sums],
    verdicts: [...verdicts],
    told: [...told],
    cases: [...cases],
    denied: [...denied],
    owed: [...owed],
  };
}

const PLAIN: Arrangement = { sizes: [SALES], order: [0], workers: 1, repeats: false, transfers: ['batch'] };

test('R47, R49, R50: the same day, doubled spends included, ends in the same ledger whatever the order, the pieces, the workers and how transfers are written', async () => {
  const { day: first } = await settleDay(PLAIN);
  expect(first.verdicts).toHaveLength(KIOSKS * SALES);
  expect(first.verdicts.every(({ paid }) => paid === true)).toBe(true);
  expect(first.cases).toHaveLength(COPIED);
  expect(first.owed.length).toBeGreaterThan(0);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        sizes: fc.array(fc.integer({ min: 5, max: SALES }), { minLength: 1, maxLength: 4 }),
        order: fc.array(fc.nat(KIOSKS), { minLength: 3, maxLength: 8 }),
        workers: fc.constantFrom(1, 4),
        repeats: fc.boolean(),
        transfers: fc.constantFrom<SettlementTransfers[][]>(['batch'], ['each'], ['batch', 'each']),
      }),
      async (arrangement) => {
        expect((await settleDay(arrangement)).day).toEqual(first);
      },
    ),
    {
      numRuns: 3,
      endOnFailure: true,
      examples: [
        [{ sizes: [10], order: [3, 1, 2], workers: 4, repeats: false, transfers: ['each'] }],
        [{ sizes: [7], order: [2, 0, 4], workers: 4, repeats: true, transfers: ['batch', 'each'] }],
      ],
    },
  );
}, 120_000);

test.each<{ transfers: readonly SettlementTransfers[]; wanted: number }>([
  { transfers: ['batch'], wanted: (KIOSKS * SALES) / 10 },
  { transfers: ['each'], wanted: KIOSKS * SALES },
])(
  'R49: a thousand payments, each settled by two servers at once, are credited once each: $transfers',
  async ({ transfers, wanted }) => {
    const raced = await settleDay({ sizes: [10], order: [0, 5, 3], workers: 2, repeats: true, transfers });
    expect(raced.day.told).toHaveLength(KIOSKS * SALES);
    expect(raced.day.verdicts).toHaveLength(KIOSKS * SALES);
    expect(raced.transferCount).toBe(wanted);
  },
  60_000,
);
