/**
 * Writes what was decided about a batch, each table with one statement whatever the batch's size.
 *
 * Owns: the rows of settlement. Never: decides, or moves money (post-payments.ts).
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import { type ChainedEntry, JOURNAL_KIND, toHex } from '@tikiwallet/protocol';
import type { Tx } from '../db/client.ts';
import { pgArray, pgByteaArray, pgPlainArray, sharedValue } from '../db/pg-array.ts';
import { executePrepared } from '../db/prepared.ts';
import { RetryTransaction } from '../db/retry.ts';
import { allowances } from '../db/schema/allowances.ts';
import { debts, doubleSpendCases, guaranteeUse, payments } from '../db/schema/settlement.ts';
import { deny } from '../trust/index.ts';
import type { AllowanceState, Decision, DoubleSpend, NewPayment } from './decide.ts';
import { ALL_MERCHANTS, type Machine } from './ground.ts';
import type { SettlementTransfers } from './post-payments.ts';

const plain = (values: readonly (string | number | bigint | boolean | null)[]) =>
  sql`${pgPlainArray(values)}`;
const text = (values: readonly (string | null)[]) => sql`${pgArray(values)}`;
const bytes = (values: readonly (Uint8Array | null)[]) => sql`${pgByteaArray(values)}`;

export interface Recording {
  readonly machine: Machine;
  readonly kioskName: string;
  readonly businessName: string;
  readonly currency: string;
  /** Whether refunds stood in this machine's journal before. */
  readonly hasRefunds: boolean;
  readonly guaranteeAccountId: string;
  readonly transfers: SettlementTransfers;
  readonly now: Date;
}

/** Entries that follow on each other, as one row. They are most of what a batch sends; in base64 that is a third less than in hex. */
export async function recordJournal(tx: Tx, entries: readonly ChainedEntry[], to: Recording): Promise<void> {
  const [first, last] = [entries.at(0), entries.at(-1)];
  if (first === undefined || last === undefined) return;
  const pieces = entries.map((entry) => entry.bytes);
  let end = 0;
  const ends = pieces.map((piece) => (end += piece.length));
  await executePrepared(
    tx,
    sql`
    insert into journal_pieces (enrolment_id, from_sequence, to_sequence, entries, ends, kinds, received_at)
    values (${to.machine.id}::uuid, ${first.entry.sequence}, ${last.entry.sequence},
      decode(${Buffer.concat(pieces).toString('base64')}, 'base64'),
      ${plain(ends)}::int[], ${Buffer.from(entries.map(({ entry }) => JOURNAL_KIND[entry.kind]))},
      ${to.now.toISOString()}::timestamptz)`,
  );
}

/** @param to with the transfer that all paid ones of them share; null where each has its own */
export async function recordPayments(
  tx: Tx,
  paid: readonly NewPayment[],
  to: Recording & { readonly transferId: string | null },
): Promise<void> {
  if (paid.length === 0) return;
  const { machine } = to;
  const hashes = paid.map(({ sale }) => sale.payment.hash);
  const signed = paid.map(({ sale }) => sale.payment.bytes);
  let end = 0;
  const outcomes = plain(sharedValue(paid.map(({ outcome }) => outcome)));
  const fromGuarantee = plain(sharedValue(paid.map(({ fromGuaranteeMinor }) => fromGuaranteeMinor)));
  await executePrepared(
    tx,
    sql`
    insert into payments (payment_hash, allowance_id, enrolment_id, sequence, merchant_id, counter, amount_minor,
      cumulative_minor, bytes, outcome, code, from_reserve_minor, from_guarantee_minor, settled_at, transfer_id)
    select ${hashAt(hashes, sql`p.place`)}, p.allowance_id, ${machine.id}::uuid, p.sequence, ${machine.merchantId}::uuid,
      p.counter, p.amount_minor, p.cumulative_minor,
      substring(${Buffer.concat(signed)}::bytea from p.ends - p.size + 1 for p.size),
      coalesce(p.outcome, (${outcomes}::text[])[1]), p.code, p.from_reserve,
      coalesce(p.from_guarantee, (${fromGuarantee}::bigint[])[1]), ${to.now.toISOString()}::timestamptz,
      case when p.from_reserve > 0 or coalesce(p.from_guarantee, (${fromGuarantee}::bigint[])[1]) > 0 then ${to.transferId}::uuid end
    from unnest(
      ${plain(paid.map(({ sale }) => sale.allowance.certificate.allowanceId))}::uuid[],
      ${plain(paid.map(({ sale }) => sale.sequence))}::int[],
      ${plain(paid.map(({ sale }) => sale.payment.counter))}::int[],
      ${plain(paid.map(({ sale }) => sale.payment.amountMinor))}::bigint[],
      ${plain(paid.map(({ sale }) => sale.payment.cumulativeMinor))}::bigint[],
      ${plain(signed.map((bytes) => (end += bytes.length)))}::int[],
      ${plain(signed.map((bytes) => bytes.length))}::int[],
      ${outcomes}::text[],
      ${codes(paid)}::text[],
      ${plain(paid.map(({ fromReserveMinor }) => fromReserveMinor))}::bigint[],
      ${fromGuarantee}::bigint[]
    ) with ordinality
      as p (allowance_id, sequence, counter, amount_minor, cumulative_minor, ends, size, outcome, code, from_reserve, from_guarantee, place)`,
  );
}

/** A column that is nearly always empty. */
const codes = (decided: readonly { readonly code: string | null }[]) =>
  plain(decided.every(({ code }) => code === null) ? [] : decided.map(({ code }) => code));

const HASH_BYTES = 32;
/** Of hashes behind each other, which PostgreSQL reads far sooner than an array of them. `place`: from 1 on. */
const hashAt = (hashes: readonly Uint8Array[], place: SQL) =>
  sql`substring(${Buffer.concat(hashes)}::bytea from (${HASH_BYTES}::int * (${place} - 1) + 1)::int for ${HASH_BYTES}::int)`;

export async function recordSales(tx: Tx, decisions: readonly Decision[], to: Recording): Promise<void> {
  if (decisions.length === 0) return;
  const { machine } = to;
  const shown = decisions.map(({ sale }) =>
    sale.verdict === 'valid'
      ? {
          hash: sale.payment.hash,
          amountMinor: sale.payment.amountMinor,
          maskedPhone: sale.allowance.certificate.maskedPhone,
        }
      : {
          hash: sale.claimed?.paymentHash ?? null,
          amountMinor: sale.claimed?.amountMinor ?? null,
          maskedPhone: sale.maskedPhone,
        },
  );
  const counted = plain(sharedValue(decisions.map((decision) => decision.counted)));
  const outcomes = plain(sharedValue(decisions.map(({ outcome }) => outcome)));
  const hashes = shown.flatMap(({ hash }) => (hash?.length === HASH_BYTES ? [hash] : []));
  // Only what nobody could read claims no hash.
  const haveHashes = hashes.length === shown.length;
  const hash = haveHashes ? hashAt(hashes, sql`s.place`) : sql`s.hash`;
  await executePrepared(
    tx,
    sql`
    insert into sales (enrolment_id, sequence, kiosk_id, merchant_id, counted, outcome, code, payment_hash,
      amount_minor, currency, masked_phone, accepted_at, settled_at)
    select ${machine.id}::uuid, s.sequence, ${machine.kioskId}::uuid, ${machine.merchantId}::uuid,
      coalesce(s.counted, (${counted}::boolean[])[1]), coalesce(s.outcome, (${outcomes}::text[])[1]), s.code, ${hash}, s.amount_minor,
      ${to.currency}, s.masked_phone, to_timestamp(s.accepted_at),
      ${to.now.toISOString()}::timestamptz
    from unnest(
      ${plain(decisions.map(({ sale }) => sale.sequence))}::int[],
      ${counted}::boolean[],
      ${outcomes}::text[],
      ${codes(decisions)}::text[],
      ${bytes(haveHashes ? [] : shown.map((one) => one.hash))}::bytea[],
      ${plain(shown.map(({ amountMinor }) => amountMinor))}::bigint[],
      ${text(shown.map(({ maskedPhone }) => maskedPhone))}::text[],
      ${plain(decisions.map(({ sale }) => sale.acceptedAt))}::bigint[]
    ) with ordinality as s (sequence, counted, outcome, code, hash, amount_minor, masked_phone, accepted_at, place)
    order by s.sequence`,
  );
}

/**
 * Reserve figures of every allowance that the batch touched, summed before they are written. Each that got a payment is written, also
 * when no figure of it changes: its new version is what tells others. Rows are locked in the order of their ids, since they are found one by
 * one by index, as they are given.
 * @throws RetryTransaction when one is not as `states` has it any more
 */
export async function drawOnAllowances(
  tx: Tx,
  paid: readonly NewPayment[],
  states: ReadonlyMap<string, AllowanceState>,
): Promise<void> {
  const sums = new Map<string, { settledMinor: bigint; counter: number; disputed: number }>();
  for (const { sale, outcome, fromReserveMinor } of paid) {
    const id = sale.allowance.certificate.allowanceId;
    const sum = sums.get(id) ?? { settledMinor: 0n, counter: 0, disputed: 0 };
    const isSettled = outcome === 'settled' || outcome === 'settled_by_guarantee';
    sums.set(id, {
      settledMinor: sum.settledMinor + fromReserveMinor,
      counter: isSettled ? Math.max(sum.counter, sale.payment.counter) : sum.counter,
      disputed: sum.disputed + (outcome === 'disputed' ? 1 : 0),
    });
  }
  if (sums.size === 0) return;
  const rows = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  const [drawn] = await executePrepared<{ count: string }>(
    tx,
    sql`
    with drawn as (
      update allowances a set settled_minor = a.settled_minor + d.settled_minor,
        settled_counter = greatest(a.settled_counter, d.counter), disputed_count = a.disputed_count + d.disputed
      from unnest(
        ${plain(rows.map(([id]) => id))}::uuid[],
        ${plain(rows.map(([id]) => states.get(id)?.version ?? null))}::xid[],
        ${plain(rows.map(([, sum]) => sum.settledMinor))}::bigint[],
        ${plain(rows.map(([, sum]) => sum.counter))}::int[],
        ${plain(rows.map(([, sum]) => sum.disputed))}::int[]
      ) as d (id, version, settled_minor, counter, disputed)
      where a.id = d.id and a.xmin = d.version
      returning 1
    )
    select count(*) as count from drawn`,
  );
  if (drawn?.count !== String(rows.length)) throw new RetryTransaction('an allowance was written meanwhile');
}

/** What the guarantee fund paid: counted against the merchant's month and everybody's, and owed by the users whose phones overspent. */
export async function chargeGuarantee(
  tx: Tx,
  paid: readonly NewPayment[],
  to: Recording & { readonly month: string },
): Promise<void> {
  const guaranteed = paid.filter((payment) => payment.fromGuaranteeMinor > 0n);
  if (guaranteed.length === 0) return;
  const sumMinor = guaranteed.reduce((sum, payment) => sum + payment.fromGuaranteeMinor, 0n);
  await tx
    .update(guaranteeUse)
    .set({ usedMinor: sql`${guaranteeUse.usedMinor} + ${sumMinor.toString()}::bigint` })
    .where(
      and(
        inArray(guaranteeUse.merchantId, [to.machine.merchantId, ALL_MERCHANTS]),
        eq(guaranteeUse.month, to.month),
      ),
    );
  await tx.insert(debts).values(
    guaranteed.map(({ sale, fromGuaranteeMinor }) => ({
      id: randomUUIDv7(),
      userId: sale.allowance.userId,
      allowanceId: sale.allowance.certificate.allowanceId,
      paymentHash: sale.payment.hash,
      amountMinor: fromGuaranteeMinor,
      currency: to.currency,
      createdAt: to.now,
    })),
  );
}

/** What phones signed, of payments that were recorded before. */
async function storedPayments(
  tx: Tx,
  hashes: readonly Uint8Array[],
): Promise<(hash: Uint8Array) => Uint8Array> {
  const rows =
    hashes.length === 0
      ? []
      : await tx
          .select({ hash: payments.paymentHash, bytes: payments.bytes })
          .from(payments)
          .where(inArray(payments.paymentHash, [...hashes]));
  const byKey = new Map(rows.map((row) => [toHex(row.hash), row.bytes]));
  return (hash) => {
    const bytes = byKey.get(toHex(hash));
    if (bytes === undefined) throw new Error(`payment ${toHex(hash)} is missing`);
    return bytes;
  };
}

/** Keeps both signed halves and denies the allowance. Locks the deny list: do this last. */
export async function proveDoubleSpends(
  tx: Tx,
  found: readonly DoubleSpend[],
  states: ReadonlyMap<string, AllowanceState>,
  now: Date,
): Promise<void> {
  if (found.length === 0) return;
  const stored = await storedPayments(
    tx,
    found.flatMap(({ first }) => (first.bytes === null ? [first.hash] : [])),
  );
  await tx.insert(doubleSpendCases).values(
    found.map(({ allowanceId, rule, first, second }) => ({
      id: randomUUIDv7(),
      allowanceId,
      userId: states.get(allowanceId)?.userId ?? second.allowance.userId,
      rule,
      allowanceCertificate: second.allowance.certificate.bytes,
      firstBytes: first.bytes ?? stored(first.hash),
      secondBytes: second.payment.bytes,
      secondPaymentHash: second.payment.hash,
      createdAt: now,
    })),
  );
  const version = await deny(
    tx,
    found.map(({ allowanceId, second }) => ({
      kind: 'allowance',
      subjectId: allowanceId,
      reason: 'double_spend',
      notAfter: new Date(second.allowance.certificate.notAfter * 1000),
    })),
  );
  const ids = pgArray(found.map(({ allowanceId }) => allowanceId));
  await tx
    .update(allowances)
    .set({
      status: sql`case when ${allowances.status} = 'closed' then 'closed' else 'denied' end`,
      deniedVersion: sql`coalesce(${allowances.deniedVersion}, ${version})`,
    })
    .where(sql`${allowances.id} = any(${ids}::uuid[])`);
}
