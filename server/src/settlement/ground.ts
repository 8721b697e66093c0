/**
 * Everything that a decision about a batch rests on, read under locks or in a version that is asked for when it is written.
 *
 * Owns: the order of the locks - the machine, its allowances in id order, the merchant's guarantee - which is what
 * keeps settlers from deadlocking. Never: writes anything but the guarantee's empty row.
 */
import { and, asc, eq, sql } from 'drizzle-orm';
import { REFUSAL_CODES, type RefusalCode } from '@tikiwallet/protocol';
import type { Executor, Tx } from '../db/client.ts';
import { pgByteaArray, pgPlainArray } from '../db/pg-array.ts';
import { executePrepared, runPrepared } from '../db/prepared.ts';
import { kioskEnrolments } from '../db/schema/kiosks.ts';
import {
  doubleSpendCases,
  guaranteeUse,
  payments,
  sales,
  settlementBatches,
} from '../db/schema/settlement.ts';
import type { OfflinePolicy } from '../trust/index.ts';
import type { CheckedSale, ValidSale } from './check-sales.ts';
import type { AllowanceState, Ground, KnownPayment, Outcome } from './decide.ts';

export type Machine = typeof kioskEnrolments.$inferSelect;

/** The enrolment's row, locked: one batch of a machine at a time. */
export async function lockMachine(tx: Tx, enrolmentId: string): Promise<Machine> {
  const [row] = await runPrepared(
    tx,
    tx.select().from(kioskEnrolments).where(eq(kioskEnrolments.id, enrolmentId)).for('update'),
  );
  if (row === undefined) throw new Error(`no enrolment ${enrolmentId}`);
  return row;
}

/** The answer that a batch got, when it was taken before. */
export async function findAcknowledgement(
  executor: Executor,
  enrolmentId: string,
  batchHash: Uint8Array,
): Promise<Uint8Array | null> {
  const [row] = await acknowledgementOf(executor, enrolmentId, batchHash);
  return row?.acknowledgement ?? null;
}

export function acknowledgementOf(executor: Executor, enrolmentId: string, batchHash: Uint8Array) {
  return executor
    .select({ acknowledgement: settlementBatches.acknowledgement })
    .from(settlementBatches)
    .where(and(eq(settlementBatches.enrolmentId, enrolmentId), eq(settlementBatches.batchHash, batchHash)));
}

/** Hashes of stored journal entries by sequence, both ends included. */
export async function storedHashes(
  tx: Tx,
  enrolmentId: string,
  range: { readonly from: number; readonly to: number },
): Promise<ReadonlyMap<number, Uint8Array>> {
  if (range.to < range.from) return new Map();
  const rows = await executePrepared<{ sequence: number; hash: Uint8Array }>(
    tx,
    sql`select sequence, hash from journal_between(${enrolmentId}::uuid, ${range.from}::int, ${range.to}::int)`,
  );
  return new Map(rows.map((row) => [row.sequence, new Uint8Array(row.hash)]));
}

/** Outcomes of sales that were decided before, in order. */
export async function storedResults(
  tx: Tx,
  enrolmentId: string,
  range: { readonly from: number; readonly to: number },
) {
  if (range.to < range.from) return [];
  const rows = await tx
    .select({ sequence: sales.sequence, outcome: sales.outcome, code: sales.code })
    .from(sales)
    .where(
      and(eq(sales.enrolmentId, enrolmentId), sql`${sales.sequence} between ${range.from} and ${range.to}`),
    )
    .orderBy(asc(sales.sequence));
  return rows.map((row) => ({ ...row, code: refusalCode(row.code) }));
}

/** A stored code, as far as this version knows it. */
export function refusalCode(text: string | null): RefusalCode | null {
  return REFUSAL_CODES.find((code) => code === text) ?? null;
}

export interface GroundQuery {
  readonly machine: Machine;
  readonly month: string;
  readonly limits: GuaranteeLimits;
  /**
   * Allowances are locked before they are read. Otherwise they are read as they stand, and asked for in that version when they
   * are written.
   */
  readonly locksFirst: boolean;
}

export type GuaranteeLimits = Pick<OfflinePolicy, 'guaranteeMonthMinor' | 'guaranteeAllMonthMinor'>;

/** Stands for all merchants together in the table of the guarantee's use. */
export const ALL_MERCHANTS = '00000000-0000-0000-0000-000000000000';

/**
 * Reads how stands what `checked` touches. Whoever adds a payment to an allowance writes its row in the same transaction. So a
 * payment that another connection committed is seen, or the row has another version when it is written here, and the transaction
 * is run again (`drawOnAllowances`); with locks first it is always seen.
 */
export async function layGround(
  tx: Tx,
  checked: readonly CheckedSale[],
  query: GroundQuery,
): Promise<Ground> {
  const valid = checked.filter((sale) => sale.verdict === 'valid');
  const ids = [...new Set(valid.map((sale) => sale.allowance.certificate.allowanceId))].sort();
  const read = async () => {
    const rows = await readAllowances(tx, ids);
    return { rows, standing: await standingOutcomes(tx, valid, rows) };
  };
  if (query.locksFirst) await lockAllowances(tx, ids);
  let { rows, standing } = await read();
  const needsGuarantee = mayNeedGuarantee(valid, rows, standing);
  if (needsGuarantee && !query.locksFirst) {
    // The guarantee's lock comes after theirs, everywhere.
    await lockAllowances(tx, ids);
    ({ rows, standing } = await read());
  }
  return {
    allowances: await statesOf(tx, valid, rows),
    standing,
    reportedDenyListVersion: query.machine.reportedDenyListVersion,
    guaranteeLeftMinor: needsGuarantee ? await lockGuarantee(tx, query) : 0n,
  };
}

/** Not for their keys, which nobody changes: whoever names one in a row of its own holds accounts already, and must not wait here. */
async function lockAllowances(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await executePrepared(
    tx,
    sql`select from allowances where id = any(${pgPlainArray(ids)}::uuid[]) order by id for no key update`,
  );
}

/** Of a payment that was presented before. */
interface PaymentFacts extends Record<string, unknown> {
  readonly payment_hash: Uint8Array;
  readonly counter: number;
  readonly amount_minor: string;
  readonly cumulative_minor: string;
}

interface PaymentRow extends PaymentFacts {
  readonly allowance_id: string;
}

interface OwnFacts extends Record<string, unknown> {
  readonly id: string;
  readonly version: string;
  readonly user_id: string;
  readonly currency: string;
  readonly remaining_minor: string;
  readonly denied_version: number | null;
  readonly closing_counter: number | null;
  readonly closing_cumulative_minor: string | null;
  readonly closing_statement: Uint8Array | null;
}

/** An allowance with the last payment of it by counter; all of that one's columns are null where there is none. */
type AllowanceRow = OwnFacts & (PaymentFacts | { readonly [K in keyof PaymentFacts]: null });
type AllowanceRows = ReadonlyMap<string, AllowanceRow>;

/** In one snapshot. Certificates are not read again: they are wide, and never change. */
async function readAllowances(tx: Tx, ids: readonly string[]): Promise<AllowanceRows> {
  if (ids.length === 0) return new Map();
  const rows = await executePrepared<AllowanceRow>(
    tx,
    sql`
    select a.id, a.xmin::text as version, a.user_id, a.currency,
      a.cap_minor - a.settled_minor - a.returned_minor as remaining_minor, a.denied_version, a.closing_counter,
      a.closing_cumulative_minor, a.closing_statement, p.payment_hash, p.counter, p.amount_minor, p.cumulative_minor
    from allowances a left join lateral (
      select payment_hash, counter, amount_minor, cumulative_minor from payments
        where allowance_id = a.id order by counter desc limit 1
    ) p on true
    where a.id = any(${pgPlainArray(ids)}::uuid[])`,
  );
  return new Map(rows.map((row) => [row.id, row]));
}

async function statesOf(
  tx: Tx,
  valid: readonly ValidSale[],
  rows: AllowanceRows,
): Promise<ReadonlyMap<string, AllowanceState>> {
  const proven = await provenAmong(tx, rows);
  const isOpen = (sale: ValidSale) => !proven.has(sale.allowance.certificate.allowanceId);
  const known = await neighboursOf(tx, valid.filter(isOpen), rows);
  return new Map(
    [...rows.values()].map((row) => [
      row.id,
      {
        id: row.id,
        version: row.version,
        userId: row.user_id,
        currency: row.currency,
        remainingMinor: BigInt(row.remaining_minor),
        deniedVersion: row.denied_version,
        closing: closingOf(row),
        hasCase: proven.has(row.id),
        payments: proven.has(row.id) ? [] : [...(known.get(row.id) ?? []), ...lastPayment(row)],
      },
    ]),
  );
}

/** Those with a case; whoever proves one denies the allowance with it, for ever. */
async function provenAmong(tx: Tx, rows: AllowanceRows): Promise<ReadonlySet<string>> {
  const denied = [...rows.values()].filter((row) => row.denied_version !== null).map(({ id }) => id);
  if (denied.length === 0) return new Set();
  const cases = await tx
    .select({ allowanceId: doubleSpendCases.allowanceId })
    .from(doubleSpendCases)
    .where(sql`${doubleSpendCases.allowanceId} = any(${pgPlainArray(denied)}::uuid[])`);
  return new Set(cases.map((row) => row.allowanceId));
}

function closingOf(row: OwnFacts): AllowanceState['closing'] {
  const { closing_counter: counter, closing_cumulative_minor: cumulative, closing_statement: bytes } = row;
  if (counter === null || cumulative === null || bytes === null) return null;
  return { counter, cumulativeMinor: BigInt(cumulative), bytes };
}

const knownPayment = (row: PaymentFacts): KnownPayment => ({
  hash: row.payment_hash,
  counter: row.counter,
  amountMinor: BigInt(row.amount_minor),
  cumulativeMinor: BigInt(row.cumulative_minor),
  bytes: null,
});

const hasPayment = (row: AllowanceRow): row is OwnFacts & PaymentFacts => row.payment_hash !== null;
const lastPayment = (row: AllowanceRow): readonly KnownPayment[] =>
  hasPayment(row) ? [knownPayment(row)] : [];

/** Counter of an allowance's last payment; below every payment's where there is none. */
function lastCounter(rows: AllowanceRows, { allowance }: ValidSale): number {
  return rows.get(allowance.certificate.allowanceId)?.counter ?? -1;
}

/**
 * What `sales` must not contradict, beside the last payments. Payments that were taken without a case agree with each other: sorted
 * by counter, each sum holds the one before it and its own amount. So a new payment that agrees with the next lower and the next higher
 * counter agrees with all, however long the history; and one of the same counter is among those two. Nearly all come after the last
 * one, which then is their only neighbour.
 */
async function neighboursOf(
  tx: Tx,
  sales: readonly ValidSale[],
  rows: AllowanceRows,
): Promise<ReadonlyMap<string, readonly KnownPayment[]>> {
  const known = new Map<string, KnownPayment[]>();
  const late = sales.filter((sale) => sale.payment.counter < lastCounter(rows, sale));
  if (late.length === 0) return known;
  const found = await executePrepared<PaymentRow>(
    tx,
    sql`
    select p.* from unnest(
      ${pgPlainArray(late.map(({ allowance }) => allowance.certificate.allowanceId))}::uuid[],
      ${pgPlainArray(late.map(({ payment }) => payment.counter))}::int[]
    ) as s (allowance_id, counter) cross join lateral (
      (select allowance_id, payment_hash, counter, amount_minor, cumulative_minor from payments
        where allowance_id = s.allowance_id and counter <= s.counter order by counter desc limit 1)
      union all
      (select allowance_id, payment_hash, counter, amount_minor, cumulative_minor from payments
        where allowance_id = s.allowance_id and counter > s.counter order by counter limit 1)
    ) p`,
  );
  // Before the last one: what is contradicted by both is proved against the nearer one.
  for (const row of found)
    known.set(row.allowance_id, [knownPayment(row), ...(known.get(row.allowance_id) ?? [])]);
  return known;
}

/** A payment whose counter is above that of its allowance's last one was never presented: what is hashed holds both. */
async function standingOutcomes(
  tx: Tx,
  valid: readonly ValidSale[],
  rows: AllowanceRows,
): Promise<ReadonlyMap<string, Outcome>> {
  const old = valid.filter((sale) => sale.payment.counter <= lastCounter(rows, sale));
  if (old.length === 0) return new Map();
  const found = await tx
    .select({
      key: sql<string>`encode(${payments.paymentHash}, 'hex')`,
      outcome: payments.outcome,
      code: payments.code,
    })
    .from(payments)
    .where(
      sql`${payments.paymentHash} = any(${pgByteaArray(old.map((sale) => sale.payment.hash))}::bytea[])`,
    );
  return new Map(found.map((row) => [row.key, { outcome: row.outcome, code: refusalCode(row.code) }]));
}

/** Most batches never touch the guarantee, and then its row is not locked either. */
function mayNeedGuarantee(
  valid: readonly ValidSale[],
  rows: AllowanceRows,
  standing: ReadonlyMap<string, Outcome>,
): boolean {
  const wanted = new Map<string, bigint>();
  for (const { allowance, payment, paymentKey } of valid) {
    if (standing.has(paymentKey)) continue;
    const id = allowance.certificate.allowanceId;
    wanted.set(id, (wanted.get(id) ?? 0n) + payment.amountMinor);
  }
  return [...wanted].some(([id, sumMinor]) => sumMinor > BigInt(rows.get(id)?.remaining_minor ?? 0));
}

/** What is left for this merchant: of its own limit, and of the one for all. */
async function lockGuarantee(tx: Tx, { machine, month, limits }: GroundQuery): Promise<bigint> {
  const own = limits.guaranteeMonthMinor - (await lockUse(tx, machine.merchantId, month));
  const all = limits.guaranteeAllMonthMinor - (await lockUse(tx, ALL_MERCHANTS, month));
  const left = own < all ? own : all;
  return left > 0n ? left : 0n;
}

async function lockUse(tx: Tx, merchantId: string, month: string): Promise<bigint> {
  await tx.insert(guaranteeUse).values({ merchantId, month }).onConflictDoNothing();
  const [used] = await tx
    .select({ usedMinor: guaranteeUse.usedMinor })
    .from(guaranteeUse)
    .where(and(eq(guaranteeUse.merchantId, merchantId), eq(guaranteeUse.month, month)))
    .for('update');
  return used?.usedMinor ?? 0n;
}
