/**
 * Everything that a decision about a batch rests on, read under locks.
 *
 * Owns: the order of the locks - the machine, its allowances in id order, the merchant's guarantee - which is what
 * keeps settlers from deadlocking. Never: writes anything but the guarantee's empty row.
 */
import { and, asc, eq, sql } from 'drizzle-orm';
import { REFUSAL_CODES, type RefusalCode } from '@tikiwallet/protocol';
import type { Executor, Tx } from '../db/client.ts';
import { pgByteaArray, pgPlainArray } from '../db/pg-array.ts';
import { executePrepared } from '../db/prepared.ts';
import { allowances } from '../db/schema/allowances.ts';
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
  const [row] = await tx
    .select()
    .from(kioskEnrolments)
    .where(eq(kioskEnrolments.id, enrolmentId))
    .for('update');
  if (row === undefined) throw new Error(`no enrolment ${enrolmentId}`);
  return row;
}

/** The answer that a batch got, when it was taken before. */
export async function findAcknowledgement(
  executor: Executor,
  enrolmentId: string,
  batchHash: Uint8Array,
): Promise<Uint8Array | null> {
  const [row] = await executor
    .select({ acknowledgement: settlementBatches.acknowledgement })
    .from(settlementBatches)
    .where(and(eq(settlementBatches.enrolmentId, enrolmentId), eq(settlementBatches.batchHash, batchHash)));
  return row?.acknowledgement ?? null;
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
}

export type GuaranteeLimits = Pick<OfflinePolicy, 'guaranteeMonthMinor' | 'guaranteeAllMonthMinor'>;

/** Stands for all merchants together in the table of the guarantee's use. */
export const ALL_MERCHANTS = '00000000-0000-0000-0000-000000000000';

/**
 * Locks what `checked` touches and reads how it stands. A payment that another connection committed a moment ago is
 * seen, because its allowance was locked there as it is here.
 */
export async function layGround(
  tx: Tx,
  checked: readonly CheckedSale[],
  query: GroundQuery,
): Promise<Ground> {
  const valid = checked.filter((sale) => sale.verdict === 'valid');
  const states = await lockAllowances(tx, valid);
  const standing = await standingOutcomes(tx, valid);
  const guaranteeLeftMinor = mayNeedGuarantee(valid, states, standing) ? await lockGuarantee(tx, query) : 0n;
  return {
    allowances: states,
    standing,
    reportedDenyListVersion: query.machine.reportedDenyListVersion,
    guaranteeLeftMinor,
  };
}

async function lockAllowances(
  tx: Tx,
  valid: readonly ValidSale[],
): Promise<ReadonlyMap<string, AllowanceState>> {
  const ids = [...new Set(valid.map((sale) => sale.allowance.certificate.allowanceId))];
  if (ids.length === 0) return new Map();
  const rows = await tx
    .select(STATE_COLUMNS)
    .from(allowances)
    .where(sql`${allowances.id} = any(${pgPlainArray(ids)}::uuid[])`)
    .orderBy(asc(allowances.id))
    .for('update');
  const cases = await tx
    .select({ allowanceId: doubleSpendCases.allowanceId })
    .from(doubleSpendCases)
    .where(sql`${doubleSpendCases.allowanceId} = any(${pgPlainArray(ids)}::uuid[])`);
  const proven = new Set(cases.map((row) => row.allowanceId));
  const known = await knownPayments(
    tx,
    valid.filter((sale) => !proven.has(sale.allowance.certificate.allowanceId)),
  );
  return new Map(
    rows.map((row) => [
      row.id,
      {
        id: row.id,
        userId: row.userId,
        currency: row.currency,
        remainingMinor: row.capMinor - row.settledMinor - row.returnedMinor,
        deniedVersion: row.deniedVersion,
        closing: closingOf(row),
        hasCase: proven.has(row.id),
        payments: known.get(row.id) ?? [],
      },
    ]),
  );
}

/** Certificates are not read again: they are wide, and never change. */
const STATE_COLUMNS = {
  id: allowances.id,
  userId: allowances.userId,
  currency: allowances.currency,
  capMinor: allowances.capMinor,
  settledMinor: allowances.settledMinor,
  returnedMinor: allowances.returnedMinor,
  deniedVersion: allowances.deniedVersion,
  closingCounter: allowances.closingCounter,
  closingCumulativeMinor: allowances.closingCumulativeMinor,
  closingStatement: allowances.closingStatement,
} as const;

function closingOf(
  row: Pick<typeof allowances.$inferSelect, 'closingCounter' | 'closingCumulativeMinor' | 'closingStatement'>,
): AllowanceState['closing'] {
  const { closingCounter: counter, closingCumulativeMinor: cumulativeMinor, closingStatement: bytes } = row;
  if (counter === null || cumulativeMinor === null || bytes === null) return null;
  return { counter, cumulativeMinor, bytes };
}

interface PaymentRow extends Record<string, unknown> {
  readonly allowance_id: string;
  readonly payment_hash: Uint8Array;
  readonly counter: number;
  readonly amount_minor: string;
  readonly cumulative_minor: string;
}

/**
 * What `sales` must not contradict. Payments that were taken without a case agree with each other: sorted by counter, each
 * sum holds the one before it and its own amount. So a new payment that agrees with the next lower and the next higher
 * counter agrees with all, however long the history; and one of the same counter is among those two.
 */
async function knownPayments(tx: Tx, sales: readonly ValidSale[]): Promise<Map<string, KnownPayment[]>> {
  const known = new Map<string, KnownPayment[]>();
  if (sales.length === 0) return known;
  const last = new Map<string, number>();
  const ids = [...new Set(sales.map(({ allowance }) => allowance.certificate.allowanceId))];
  for (const row of await lastPayments(tx, ids)) {
    last.set(row.allowance_id, row.counter);
    known.set(row.allowance_id, [knownPayment(row)]);
  }
  // Nearly all come after the last one, which then is their only neighbour.
  const late = sales.filter(
    ({ allowance, payment }) => payment.counter < (last.get(allowance.certificate.allowanceId) ?? 0),
  );
  // Before it: what is contradicted by both is proved against the nearer one.
  for (const row of await neighbours(tx, late)) known.get(row.allowance_id)?.unshift(knownPayment(row));
  return known;
}

const knownPayment = (row: PaymentRow): KnownPayment => ({
  hash: row.payment_hash,
  counter: row.counter,
  amountMinor: BigInt(row.amount_minor),
  cumulativeMinor: BigInt(row.cumulative_minor),
  bytes: null,
});

function lastPayments(tx: Tx, allowanceIds: readonly string[]): Promise<readonly PaymentRow[]> {
  return executePrepared<PaymentRow>(
    tx,
    sql`
    select p.* from unnest(${pgPlainArray(allowanceIds)}::uuid[]) as s (allowance_id) cross join lateral (
      select allowance_id, payment_hash, counter, amount_minor, cumulative_minor from payments
        where allowance_id = s.allowance_id order by counter desc limit 1
    ) p`,
  );
}

async function neighbours(tx: Tx, sales: readonly ValidSale[]): Promise<readonly PaymentRow[]> {
  if (sales.length === 0) return [];
  return executePrepared<PaymentRow>(
    tx,
    sql`
    select p.* from unnest(
      ${pgPlainArray(sales.map(({ allowance }) => allowance.certificate.allowanceId))}::uuid[],
      ${pgPlainArray(sales.map(({ payment }) => payment.counter))}::int[]
    ) as s (allowance_id, counter) cross join lateral (
      (select allowance_id, payment_hash, counter, amount_minor, cumulative_minor from payments
        where allowance_id = s.allowance_id and counter <= s.counter order by counter desc limit 1)
      union all
      (select allowance_id, payment_hash, counter, amount_minor, cumulative_minor from payments
        where allowance_id = s.allowance_id and counter > s.counter order by counter limit 1)
    ) p`,
  );
}

async function standingOutcomes(tx: Tx, valid: readonly ValidSale[]): Promise<ReadonlyMap<string, Outcome>> {
  if (valid.length === 0) return new Map();
  const rows = await tx
    .select({
      key: sql<string>`encode(${payments.paymentHash}, 'hex')`,
      outcome: payments.outcome,
      code: payments.code,
    })
    .from(payments)
    .where(
      sql`${payments.paymentHash} = any(${pgByteaArray(valid.map((sale) => sale.payment.hash))}::bytea[])`,
    );
  return new Map(rows.map((row) => [row.key, { outcome: row.outcome, code: refusalCode(row.code) }]));
}

/** Most batches never touch the guarantee, and then its row is not locked either. */
function mayNeedGuarantee(
  valid: readonly ValidSale[],
  states: ReadonlyMap<string, AllowanceState>,
  standing: ReadonlyMap<string, Outcome>,
): boolean {
  const wanted = new Map<string, bigint>();
  for (const { allowance, payment, paymentKey } of valid) {
    if (standing.has(paymentKey)) continue;
    const id = allowance.certificate.allowanceId;
    wanted.set(id, (wanted.get(id) ?? 0n) + payment.amountMinor);
  }
  return [...wanted].some(([id, sumMinor]) => sumMinor > (states.get(id)?.remainingMinor ?? 0n));
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
