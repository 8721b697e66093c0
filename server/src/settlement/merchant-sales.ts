/** What a merchant sees of settlement: today's figures and the sales, newest first. Reads only. */
import { and, type AnyColumn, desc, eq, isNotNull, lt, type SQL, sql } from 'drizzle-orm';
import { shownMask, toHex } from '@tikiwallet/protocol';
import type { MerchantSummary, SalesDay, SalesDays, SaleView } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Executor } from '../db/client.ts';
import { pgPlainArray } from '../db/pg-array.ts';
import { merchants } from '../db/schema/accounts.ts';
import { claims } from '../db/schema/claims.ts';
import { kiosks } from '../db/schema/kiosks.ts';
import { refunds, refundSums } from '../db/schema/refunds.ts';
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
  /** The number on a receipt, or the beginning of a payment's hash. */
  readonly search?: string | undefined;
  /** These sales only, found some other way. */
  readonly ids?: readonly bigint[] | undefined;
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
  const ids = query.ids ?? (await idsFound(db, query));
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
        ids === undefined ? undefined : sql`${sales.id} = any(${pgPlainArray(ids)}::bigint[])`,
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

const RECEIPT_NUMBER = /^[0-9]{1,9}$/;
const HASH_BEGINNING = /^[0-9a-f]{8,64}$/;

/** A refused sale has no payment under whose hash it could be looked up: of those, so many of the shop's newest sales are looked through. */
const LOOKED_THROUGH = 20_000;
/** More have one beginning of a hash only when somebody made them so. */
const MOST_OF_A_HASH = 100;

/**
 * By indexes, whatever a shop has sold: each of its machines numbers its own receipts, and payments are kept by their hash. What is
 * none of both finds nothing; eight digits may be either. Undefined: nothing was searched for.
 */
async function idsFound(
  db: Executor,
  { merchantId, search }: Pick<SalesQuery, 'merchantId' | 'search'>,
): Promise<readonly bigint[] | undefined> {
  if (search === undefined || search === '') return undefined;
  const text = search.toLowerCase();
  const ways: SQL[] = [];
  // `offset 0`: machine by machine. Otherwise a plan may begin with the newest sales and look at each for this number.
  if (RECEIPT_NUMBER.test(text))
    ways.push(sql`
      select s.id from kiosks k join kiosk_enrolments e on e.kiosk_id = k.id cross join lateral (
        select id from sales where enrolment_id = e.id and sequence = ${Number(text)}::int offset 0) s
      where k.merchant_id = ${merchantId}::uuid`);
  if (HASH_BEGINNING.test(text))
    ways.push(
      sql`
      select s.id from (
        select enrolment_id, sequence from payments
        where payment_hash between decode(${text.padEnd(64, '0')}, 'hex') and decode(${text.padEnd(64, 'f')}, 'hex')
          and merchant_id = ${merchantId}::uuid limit ${MOST_OF_A_HASH}) p
      cross join lateral (
        select id from sales where enrolment_id = p.enrolment_id and sequence = p.sequence offset 0) s`,
      sql`
      select id from (
        select id, payment_hash from sales where merchant_id = ${merchantId}::uuid order by id desc limit ${LOOKED_THROUGH}) newest
      where starts_with(encode(payment_hash, 'hex'), ${text})`,
    );
  if (ways.length === 0) return [];
  const rows = await db.execute<{ id: string }>(sql.join(ways, sql` union `));
  return rows.map(({ id }) => BigInt(id));
}

/**
 * The last `count` days, today included, the oldest first: by the day on which money came or went, as the balance saw it.
 */
export async function salesDays(needs: SummaryNeeds, merchantId: string, count: number): Promise<SalesDays> {
  const now = new Date(needs.clock.nowMs()).toISOString();
  const zone = needs.timeZone;
  const today = sql`(${now}::timestamptz at time zone ${zone})::date`;
  const since = sql`((${today} - ${count - 1}::int)::timestamp at time zone ${zone})`;
  const dayOf = (column: AnyColumn) => sql`(${column} at time zone ${zone})::date`;
  const rows = await needs.db.execute<Record<keyof SalesDay, string>>(sql`
    with moved as (
      select ${dayOf(sales.settledAt)} as day,
        case when ${sales.outcome} in ('settled', 'settled_by_guarantee') then 'settled' else 'unpaid' end as what,
        coalesce(${sales.amountMinor}, 0) as minor
      from ${sales}
      where ${sales.merchantId} = ${merchantId} and ${sales.settledAt} >= ${since} and ${sales.counted}
      union all
      select ${dayOf(claims.claimedAt)}, case when ${claims.state} = 'paid' then 'settled' else 'unpaid' end, ${claims.amountMinor}
      from ${claims}
      where ${claims.merchantId} = ${merchantId} and ${claims.claimedAt} >= ${since}
      union all
      select ${dayOf(refunds.settledAt)}, 'refunded', ${refunds.amountMinor}
      from ${refunds}
      where ${refunds.merchantId} = ${merchantId} and ${refunds.settledAt} >= ${since}
    )
    select to_char(day, 'YYYY-MM-DD') as day,
      coalesce(sum(minor) filter (where what = 'settled'), 0) as "settledMinor",
      count(*) filter (where what = 'settled') as "settledCount",
      coalesce(sum(minor) filter (where what = 'refunded'), 0) as "refundedMinor",
      count(*) filter (where what = 'refunded') as "refundedCount",
      coalesce(sum(minor) filter (where what = 'unpaid'), 0) as "unpaidMinor",
      count(*) filter (where what = 'unpaid') as "unpaidCount"
    from generate_series(${today} - ${count - 1}::int, ${today}, interval '1 day') as every(day)
    left join moved using (day)
    group by day
    order by day`);
  return {
    currency: needs.currency,
    days: rows.map((row) => ({
      ...row,
      settledCount: Number(row.settledCount),
      refundedCount: Number(row.refundedCount),
      unpaidCount: Number(row.unpaidCount),
    })),
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
    sequence: sale.sequence,
    amountMinor: (sale.amountMinor ?? 0n).toString(),
    refundedMinor: (refundedMinor ?? 0n).toString(),
    currency: sale.currency,
    acceptedAt: sale.acceptedAt.toISOString(),
    settledAt: sale.settledAt.toISOString(),
    maskedPhone: shownMask(sale.maskedPhone),
    state: sale.outcome,
  };
}
