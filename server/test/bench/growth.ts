/** What a batch costs beside ten thousand old rows and beside a million: row S8. */
import { atMost, type BenchRow, figure, median } from '../../../scripts/figures.ts';
import type { BenchCloud } from './cloud.ts';

const SMALL = 10_000;
const LARGE = 1_000_000;
const STEP = 50_000;
/** On a slow machine the large size is what was reached by then; the exponent is over the sizes that were. */
const FILL_FOR_MS = 240_000;
const SAMPLES = 9;

/** Old transfers with their entries, payments and sales, under keys as random as real ones. */
async function fill(cloud: BenchCloud, from: number, to: number): Promise<void> {
  await cloud.owner.begin(async (tx) => {
    // Triggers and foreign keys are for what the product writes.
    await tx`set local session_replication_role = replica`;
    await tx.unsafe(`
      with old as materialized (
        select uuidv7() as id, gen_random_uuid() as payer, gen_random_uuid() as payee, sha256(i::text::bytea) as hash, i
        from generate_series(${from}, ${to - 1}) i
      ), t as (
        insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
        select id, 'offline_payment', 'offline_payment:' || encode(hash, 'hex'), hash, '{"payerText": "+65****1234"}' from old
      ), p as (
        insert into payments (payment_hash, allowance_id, enrolment_id, sequence, merchant_id, counter, amount_minor,
          cumulative_minor, bytes, outcome, from_reserve_minor, from_guarantee_minor, settled_at)
        select hash, payer, payee, i, payee, 1, 1, 1, hash || hash || hash || hash, 'settled', 1, 0, now() from old
      )
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      select id, payer, 'SGD', -1 from old union all select id, payee, 'SGD', 1 from old`);
  });
}

async function costMs(work: () => Promise<void>): Promise<number> {
  const samples: number[] = [];
  for (let n = 0; n < SAMPLES; n += 1) {
    const began = performance.now();
    await work();
    samples.push(performance.now() - began);
  }
  return median(samples);
}

export async function growthRows(
  cloud: BenchCloud,
  { post }: { readonly post: () => Promise<void> },
): Promise<readonly BenchRow[]> {
  await fill(cloud, 0, SMALL);
  await cloud.owner.unsafe('vacuum analyze');
  const small = await costMs(post);
  let rows = SMALL;
  for (const began = performance.now(); rows < LARGE && performance.now() - began < FILL_FOR_MS; ) {
    const next = Math.min(rows + STEP, LARGE);
    await fill(cloud, rows, next);
    rows = next;
  }
  await cloud.owner.unsafe('vacuum analyze');
  await cloud.owner.unsafe('checkpoint');
  const large = await costMs(post);
  const exponent = Math.log(large / small) / Math.log(rows / SMALL);
  return [
    figure('post_at_10k', 'a batch of 1000 beside 10,000 old transfers', small, 'ms'),
    figure('post_at_many', `a batch of 1000 beside ${rows.toLocaleString('en')} old transfers`, large, 'ms'),
    atMost(
      {
        id: 'S8',
        what: `growth exponent, 10,000 to ${rows.toLocaleString('en')} rows`,
        unit: 'exponent',
        value: exponent,
      },
      { gate: 0.1, stretch: 0.05 },
    ),
  ];
}
