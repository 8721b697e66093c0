/**
 * A thousand kiosks come back online with five hundred payments each, a few of them doubled: settled by eight settlers, each
 * batch handed in twice. `TIKI_BENCH_KIOSKS` makes it fewer. The small form of it is `same-ledger.test.ts`.
 */
import process from 'node:process';
import { type BenchCloud, startBenchCloud } from '../../test/bench/cloud.ts';
import { addKiosks, addPhones, type BenchKiosk, nextBatch } from '../../test/bench/market.ts';
import { perSecond } from '../../test/bench/seed.ts';
import { clone, type OfflineWallet } from '../../test/simulated-phone.ts';
import { atLeast, atMost, type BenchRow, figure } from '../../../scripts/figures.ts';
import { reconcile } from '../ledger/index.ts';
import { reconcileJournals } from './reconcile-journals.ts';
import { settleBatch, settleNeeds } from './settle.ts';

const PAYMENTS = 500;
const SETTLERS = 8;
/** Kiosks whose batches are signed before the clock runs, so that memory stays small. */
const WAVE = 40;
/** A phone pays 25 times; every hundredth is copied, and its copy pays as often. */
const PAYMENTS_EACH = 25;
const COPIED_EVERY = 100;

interface Market {
  readonly kiosks: readonly BenchKiosk[];
  readonly phones: readonly OfflineWallet[];
}

function signWave({ kiosks, phones }: Market, first: number) {
  return kiosks.slice(first, first + WAVE).map((kiosk, index) => {
    const perKiosk = PAYMENTS / PAYMENTS_EACH;
    const from = (first + index) * perKiosk;
    const wallets = phones.slice(from, from + perKiosk).map((phone, n) => {
      // The copy of a neighbour's phone in place of one of its own.
      const isCopy = (from + n) % COPIED_EVERY === COPIED_EVERY - 1;
      const copied = phones[from + n - 1];
      return isCopy && copied !== undefined ? clone(copied) : phone;
    });
    const sales = Array.from({ length: PAYMENTS }, (_, n) => wallets[n % wallets.length]);
    const envelope = nextBatch(
      kiosk,
      sales.filter((wallet) => wallet !== undefined),
    );
    kiosk.journal.length = 0;
    return { kiosk, envelope };
  });
}

async function settleAll(cloud: BenchCloud, market: Market): Promise<number> {
  const needs = settleNeeds(cloud.context);
  let seconds = 0;
  for (let first = 0; first < market.kiosks.length; first += WAVE) {
    const batches = signWave(market, first);
    // Each twice, as after an answer that was lost on the way.
    const rate = await perSecond(batches, SETTLERS, async ({ kiosk, envelope }) => {
      await Promise.all([
        settleBatch(needs, kiosk.kiosk, envelope),
        settleBatch(needs, kiosk.kiosk, envelope),
      ]);
    });
    seconds += batches.length / rate;
  }
  return seconds;
}

async function count(cloud: BenchCloud): Promise<Readonly<Record<string, number>>> {
  const [row] = await cloud.owner<Record<string, number>[]>`
    select (select count(*)::int from payments) as payments,
      (select coalesce(-sum(e.amount_minor), 0)::int from ledger_entries e join ledger_transfers t on t.id = e.transfer_id
        where t.kind in ('offline_payment', 'offline_payments') and e.amount_minor < 0) as posted,
      (select coalesce(sum(amount_minor), 0)::int from payments where outcome in ('settled', 'settled_by_guarantee')) as paid,
      (select count(*)::int from payments p where p.transfer_id is not null and exists (
        select from ledger_transfers t where t.idempotency_key = 'offline_payment:' || encode(p.payment_hash, 'hex'))) as twice,
      (select count(*)::int from double_spend_cases) as cases,
      (select coalesce(sum(amount_minor), 0)::int from ledger_entries) as sum`;
  return row ?? {};
}

export default async function bench(): Promise<readonly BenchRow[]> {
  const kiosksWanted = Number(process.env['TIKI_BENCH_KIOSKS'] ?? 1_000);
  const wanted = kiosksWanted * PAYMENTS;
  const cloud = await startBenchCloud(SETTLERS + 2);
  try {
    const market = {
      kiosks: await addKiosks(cloud, kiosksWanted),
      phones: await addPhones(cloud, wanted / PAYMENTS_EACH, 1_000n),
    };
    const seconds = await settleAll(cloud, market);
    const counted = await count(cloud);
    const { payments = 0, cases = 0, sum = Number.NaN } = counted;
    const { posted = Number.NaN, paid = 0, twice = Number.NaN } = counted;
    const books = await reconcile(cloud.context.db);
    const journals = await reconcileJournals(cloud.context.db);
    return [
      figure(
        'thousand_kiosks',
        `${kiosksWanted} kiosks x ${PAYMENTS} payments, each batch twice`,
        wanted / seconds,
        'per_second',
      ),
      figure('thousand_kiosks_cases', 'double spends proved', cases, 'cases'),
      atLeast(
        { id: 'T1', what: 'payments recorded, of those presented', unit: 'share', value: payments / wanted },
        { gate: 1 },
      ),
      atMost(
        {
          id: 'T2',
          what: 'minor units posted beyond one payment of each, and payments in two transfers',
          unit: 'minor',
          value: Math.abs(posted - paid) + twice,
        },
        { gate: 0 },
      ),
      atMost({ id: 'T3', what: 'sum of all entries', unit: 'minor', value: Math.abs(sum) }, { gate: 0 }),
      atLeast(
        {
          id: 'T4',
          what: 'the ledger reconciles',
          unit: 'yes',
          value: books.sound && journals.sound ? 1 : 0,
        },
        { gate: 1 },
      ),
    ];
  } finally {
    await cloud.close();
  }
}
