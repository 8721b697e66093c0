/** Voids and refunds as they are told: to a customer and a merchant their own, newest first. Reads only. */
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { shownMask, toHex } from '@tikiwallet/protocol';
import type { MerchantRefundView, RefundView } from '../../contract/index.ts';
import type { Executor } from '../db/client.ts';
import { merchants } from '../db/schema/accounts.ts';
import { kiosks } from '../db/schema/kiosks.ts';
import { refunds } from '../db/schema/refunds.ts';
import { problem } from '../http/problem.ts';

export interface RefundsQuery {
  readonly limit: number;
  /** From the page before. */
  readonly cursor: string | undefined;
}

interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

function beforeOf(cursor: string | undefined) {
  if (cursor === undefined) return undefined;
  if (!/^[1-9][0-9]{0,17}$/.test(cursor))
    throw problem('request_invalid', { detail: 'cursor: not one of ours' });
  return lt(refunds.id, BigInt(cursor));
}

type Row = typeof refunds.$inferSelect;

function core(row: Row) {
  return {
    offerHash: toHex(row.offerHash),
    refundId: row.refundId,
    paymentHash: toHex(row.paymentHash),
    kind: row.kind,
    state: row.state,
    amountMinor: row.amountMinor.toString(),
    currency: row.currency,
    refundedAt: row.refundedAt.toISOString(),
    settledAt: row.settledAt?.toISOString() ?? null,
  };
}

function pageOf<R extends { readonly refund: Row }, T>(
  rows: readonly R[],
  limit: number,
  show: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(show),
    nextCursor: rows.length > limit && last !== undefined ? last.refund.id.toString() : null,
  };
}

/** @throws ApiProblem `request_invalid` for a cursor that is none of ours */
export async function listRefunds(
  db: Executor,
  query: RefundsQuery & { readonly userId: string },
): Promise<Page<RefundView>> {
  const rows = await db
    .select({ refund: refunds, businessName: merchants.businessName })
    .from(refunds)
    .innerJoin(merchants, eq(merchants.id, refunds.merchantId))
    .where(and(eq(refunds.userId, query.userId), beforeOf(query.cursor)))
    .orderBy(desc(refunds.id))
    .limit(query.limit + 1);
  return pageOf(rows, query.limit, ({ refund, businessName }) => ({ ...core(refund), businessName }));
}

/** @throws ApiProblem `request_invalid` for a cursor that is none of ours */
export async function listMerchantRefunds(
  db: Executor,
  query: RefundsQuery & { readonly merchantId: string },
): Promise<Page<MerchantRefundView>> {
  const rows = await db
    .select({ refund: refunds, kioskName: kiosks.name })
    .from(refunds)
    .innerJoin(kiosks, eq(kiosks.id, refunds.kioskId))
    .where(and(eq(refunds.merchantId, query.merchantId), beforeOf(query.cursor)))
    .orderBy(desc(refunds.id))
    .limit(query.limit + 1);
  return pageOf(rows, query.limit, ({ refund, kioskName }) => ({
    ...core(refund),
    kioskId: refund.kioskId,
    kioskName,
    maskedPhone: shownMask(refund.maskedPhone),
    byClaim: refund.byClaim,
  }));
}

/** What waits for this merchant's next money, minor units. */
export async function waitingRefundsMinor(executor: Executor, merchantId: string): Promise<bigint> {
  const [row] = await executor
    .select({ sumMinor: sql<string>`coalesce(sum(${refunds.amountMinor}), 0)` })
    .from(refunds)
    .where(and(eq(refunds.merchantId, merchantId), eq(refunds.state, 'waiting')));
  return BigInt(row?.sumMinor ?? 0);
}
