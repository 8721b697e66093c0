/** Top-ups as the API shows them to their customer. Reads only. */
import { and, desc, eq, inArray, lt } from 'drizzle-orm';
import type { TopUp, TopUpStatus } from '../../contract/index.ts';
import type { Executor } from '../db/client.ts';
import { topUpDisputes, topUps } from '../db/schema/money.ts';

type Row = typeof topUps.$inferSelect;
type Dispute = Pick<typeof topUpDisputes.$inferSelect, 'topUpId' | 'amountMinor' | 'state'>;

export async function showTopUp(executor: Executor, row: Row): Promise<TopUp> {
  return view(row, await disputesOf(executor, [row.id]));
}

export interface TopUpPage {
  readonly items: TopUp[];
  readonly nextCursor: string | null;
}

/** Newest first. The cursor is the time of the last one shown. */
export async function listTopUps(
  executor: Executor,
  query: { readonly userId: string; readonly limit: number; readonly before: Date | null },
): Promise<TopUpPage> {
  const rows = await executor
    .select()
    .from(topUps)
    .where(
      and(
        eq(topUps.userId, query.userId),
        query.before === null ? undefined : lt(topUps.createdAt, query.before),
      ),
    )
    .orderBy(desc(topUps.createdAt), desc(topUps.id))
    .limit(query.limit + 1);
  const shown = rows.slice(0, query.limit);
  const disputes = await disputesOf(
    executor,
    shown.map(({ id }) => id),
  );
  const last = rows.length > query.limit ? shown.at(-1) : undefined;
  return {
    items: shown.map((row) => view(row, disputes)),
    nextCursor: last?.createdAt.toISOString() ?? null,
  };
}

function disputesOf(executor: Executor, ids: readonly string[]): Promise<Dispute[]> {
  if (ids.length === 0) return Promise.resolve([]);
  const { topUpId, amountMinor, state } = topUpDisputes;
  return executor
    .select({ topUpId, amountMinor, state })
    .from(topUpDisputes)
    .where(inArray(topUpDisputes.topUpId, [...ids]));
}

function view(row: Row, all: readonly Dispute[]): TopUp {
  const taken = all.filter(({ topUpId, state }) => topUpId === row.id && state !== 'won');
  const status = statusOf(row, taken);
  return {
    id: row.id,
    amountMinor: row.amountMinor.toString(),
    currency: row.currency,
    status,
    checkoutUrl: status === 'awaiting_payment' ? row.checkoutUrl : null,
    takenBackMinor: taken.reduce((sum, { amountMinor }) => sum + amountMinor, row.refundedMinor).toString(),
    createdAt: row.createdAt.toISOString(),
  };
}

function statusOf(row: Row, taken: readonly Dispute[]): TopUpStatus {
  // Given up and waiting for the provider's word: nobody shall be sent to pay it any more.
  if (row.cancelledAt !== null && (row.status === 'expired' || row.status === 'awaiting_payment'))
    return 'cancelled';
  if (row.status !== 'succeeded') return row.status;
  if (taken.some(({ state }) => state === 'open')) return 'disputed';
  if (taken.length > 0) return 'charged_back';
  return row.refundedMinor === row.amountMinor ? 'refunded' : 'succeeded';
}
