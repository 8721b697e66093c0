/** What a merchant sees of settlement: today's figures and the sales, newest first. Reads only. */
import { and, desc, eq, isNotNull, lt, sql } from 'drizzle-orm';
import { toHex } from '@tikiwallet/protocol';
import type { MerchantSummary, SaleView } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Executor } from '../db/client.ts';
import { merchants } from '../db/schema/accounts.ts';
import { claims } from '../db/schema/claims.ts';
import { kiosks } from '../db/schema/kiosks.ts';
import { refundSums } from '../db/schema/refunds.ts';
import { sales } from '../db/schema/settlement.ts';
import { problem } from '../http/problem.ts';
import { balances } from '../ledger/index.ts';
import { waitingRefundsMinor } from './refund-list.ts';

export interface SummaryNeeds {
  readonly db: Executor;
  readonly clock: Clock;
  readonly currency: string;
  /** Whose midnight ends the day. */
  readonly timeZone: string;
}

export async function merchantSummary(needs: SummaryNeeds, merchantId: string): Promise<MerchantSummary> {
  const { db, currency } = needs;
  const [merchant] = await db
    .select({ businessName: merchants.businessName })
    .from(merchants)
    .where(eq(merchants.id, merchantId));
  if (merchant === undefined) throw problem('not_permitted');
  const available = await balances(db, { kind: 'merchant_available', ownerIds: [merchantId], currency });
  const now = new Date(needs.clock.nowMs()).toISOString();
  const midnight = sql`date_trunc('day', ${now}::timestamptz at time zone ${needs.timeZone}) at time zone ${needs.timeZone}`;
  const [today] = await db
    .select({ sumMinor: sql<string>`coalesce(sum(${sales.amountMinor}), 0)`, count: sql<string>`count(*)` })
    .from(sales)
    .where(
      and(
        eq(sales.merchantId, merchantId),
        sql`${sales.settledAt} >= ${midnight}`,
        sql`${sales.outcome} in ('settled', 'settled_by_guarantee')`,
        sales.counted,
      ),
    );
  const [claimed] = await db
    .select({ sumMinor: sql<string>`coalesce(sum(${claims.amountMinor}), 0)`, count: sql<string>`count(*)` })
    .from(claims)
    .where(
      and(
        eq(claims.merchantId, merchantId),
        sql`${claims.claimedAt} >= ${midnight}`,
        eq(claims.state, 'paid'),
      ),
    );
  return {
    merchantId,
    businessName: merchant.businessName,
    currency,
    availableMinor: (available.get(merchantId) ?? 0n).toString(),
    settledTodayMinor: (BigInt(today?.sumMinor ?? 0) + BigInt(claimed?.sumMinor ?? 0)).toString(),
    settledTodayCount: Number(today?.count ?? 0) + Number(claimed?.count ?? 0),
    waitingRefundsMinor: (await waitingRefundsMinor(db, merchantId)).toString(),
  };
}

export interface SalesQuery {
  readonly merchantId: string;
  readonly limit: number;
  /** From the page before. */
  readonly cursor: string | undefined;
}

/**
 * A payment that a kiosk presented twice is shown once; an entry whose payment cannot be read has nothing to show.
 * @throws ApiProblem `request_invalid` for a cursor that is none of ours
 */
export async function listSales(
  db: Executor,
  query: SalesQuery,
): Promise<{ items: SaleView[]; nextCursor: string | null }> {
  if (query.cursor !== undefined && !/^[1-9][0-9]{0,17}$/.test(query.cursor)) {
    throw problem('request_invalid', { detail: 'cursor: not one of ours' });
  }
  const rows = await db
    .select({ sale: sales, kioskName: kiosks.name, refundedMinor: refundSums.refundedMinor })
    .from(sales)
    .innerJoin(kiosks, eq(kiosks.id, sales.kioskId))
    .leftJoin(refundSums, eq(refundSums.paymentHash, sales.paymentHash))
    .where(
      and(
        eq(sales.merchantId, query.merchantId),
        sales.counted,
        isNotNull(sales.paymentHash),
        query.cursor === undefined ? undefined : lt(sales.id, BigInt(query.cursor)),
      ),
    )
    .orderBy(desc(sales.id))
    .limit(query.limit + 1);
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    items: page.map(saleView),
    nextCursor: rows.length > query.limit && last !== undefined ? last.sale.id.toString() : null,
  };
}

interface ShownSale {
  readonly sale: typeof sales.$inferSelect;
  readonly kioskName: string;
  readonly refundedMinor: bigint | null;
}

function saleView({ sale, kioskName, refundedMinor }: ShownSale): SaleView {
  return {
    paymentHash: toHex(sale.paymentHash ?? new Uint8Array(0)),
    kioskId: sale.kioskId,
    kioskName,
    amountMinor: (sale.amountMinor ?? 0n).toString(),
    refundedMinor: (refundedMinor ?? 0n).toString(),
    currency: sale.currency,
    acceptedAt: sale.acceptedAt.toISOString(),
    settledAt: sale.settledAt.toISOString(),
    maskedPhone: sale.maskedPhone,
    state: sale.outcome,
  };
}
