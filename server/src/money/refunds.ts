/**
 * Refunds of top-ups, each by its own name: taken from the wallet once when it is heard of, given back once when the card's
 * bank did not take it. In whatever order that is told, and however often, it ends the same.
 *
 * Owns: the table `top_up_refunds`, `top_ups.refunded_minor`. Never: takes for a refund that is known to have failed.
 */
import { eq } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { topUpRefunds, topUps } from '../db/schema/money.ts';
import type { EventOutcome } from './outcome.ts';
import type { CardRefund, EventOf } from './port.ts';
import { giveBack, lockByPayment, type ReversalNeeds, takeBack } from './reversals.ts';

export async function recordRefunds(
  needs: ReversalNeeds,
  tx: Tx,
  event: EventOf<'payment_refunded'>,
): Promise<EventOutcome> {
  const row = await lockByPayment(needs, tx, event);
  if (row === null) return 'refused';
  const rows = await tx.select().from(topUpRefunds).where(eq(topUpRefunds.topUpId, row.id));
  const known = rows.map(({ id, amountMinor, failedAt }) => ({
    refundId: id,
    amountMinor,
    hasFailed: failedAt !== null,
  }));
  const plan = planRefunds({ takenMinor: row.refundedMinor, known, told: event.refunds });
  if (plan.takenMinor > row.amountMinor) {
    needs.log.error({ eventId: event.eventId, topUpId: row.id }, 'more was refunded than was paid');
    return 'refused';
  }
  const now = new Date(needs.clock.nowMs());
  for (const { refundId: id, amountMinor, hasFailed } of plan.news) {
    const failedAt = hasFailed ? now : null;
    await tx
      .insert(topUpRefunds)
      .values({ id, topUpId: row.id, amountMinor, heardAt: now, failedAt })
      .onConflictDoUpdate({ target: topUpRefunds.id, set: { failedAt } });
  }
  await tx.update(topUps).set({ refundedMinor: plan.takenMinor }).where(eq(topUps.id, row.id));
  // First what comes back: nobody shall owe for a moment what is theirs.
  for (const { refundId, amountMinor } of plan.given) {
    const key = `top_up_refund_failed:${refundId}`;
    await giveBack(tx, row, { amountMinor, kind: 'correction', key, reason: 'refund_failed' });
  }
  for (const { refundId, amountMinor } of plan.taken) {
    const key = `top_up_refund:${refundId}`;
    await takeBack(needs, tx, { row, amountMinor, key, reason: 'refunded' });
  }
  if (plan.taken.length > 0) return 'taken_back';
  if (plan.given.length > 0) return 'given_back';
  return plan.news.length > 0 ? 'recorded' : 'nothing_to_do';
}

type Move = Pick<CardRefund, 'refundId' | 'amountMinor'>;

export interface RefundPlan {
  /** To be kept: new ones, and known ones that failed. */
  readonly news: readonly CardRefund[];
  readonly taken: readonly Move[];
  readonly given: readonly Move[];
  /** In all, after these moves. */
  readonly takenMinor: bigint;
}

/**
 * Pure. `told` may be incomplete, old, and say one refund twice; that it failed is said for good.
 * `takenMinor` above what is known stands for refunds that a release before this one took, by their sum alone.
 */
export function planRefunds(books: {
  readonly takenMinor: bigint;
  readonly known: readonly CardRefund[];
  readonly told: readonly CardRefund[];
}): RefundPlan {
  const known = new Map(books.known.map((refund) => [refund.refundId, refund]));
  let unnamedMinor = books.takenMinor - sumOf(books.known.filter(({ hasFailed }) => !hasFailed));
  /** Of what was taken without a name, the part that this refund is. */
  const name = ({ amountMinor }: CardRefund): bigint => {
    const named = smaller(amountMinor, unnamedMinor > 0n ? unnamedMinor : 0n);
    unnamedMinor -= named;
    return named;
  };
  const news = newsOf(known, books.told);
  const unheard = news.filter(({ refundId }) => !known.has(refundId));
  const taken = unheard
    .filter(({ hasFailed }) => !hasFailed)
    .map((refund) => ({ refundId: refund.refundId, amountMinor: refund.amountMinor - name(refund) }));
  // After those that stand: what is left was taken for one that has failed since.
  const given = news
    .filter(({ hasFailed }) => hasFailed)
    .map((refund) => ({
      refundId: refund.refundId,
      amountMinor: known.has(refund.refundId) ? refund.amountMinor : name(refund),
    }));
  return {
    news,
    taken: taken.filter(({ amountMinor }) => amountMinor > 0n),
    given: given.filter(({ amountMinor }) => amountMinor > 0n),
    takenMinor: books.takenMinor + sumOf(taken) - sumOf(given),
  };
}

function newsOf(known: ReadonlyMap<string, CardRefund>, told: readonly CardRefund[]): CardRefund[] {
  const latest = new Map<string, CardRefund>();
  for (const refund of told) {
    const hasFailed = refund.hasFailed || latest.get(refund.refundId)?.hasFailed === true;
    if (refund.amountMinor > 0n) latest.set(refund.refundId, { ...refund, hasFailed });
  }
  return [...latest.values()].filter(({ refundId, hasFailed }) => {
    const before = known.get(refundId);
    return before === undefined || (hasFailed && !before.hasFailed);
  });
}

const smaller = (a: bigint, b: bigint) => (a < b ? a : b);
const sumOf = (some: readonly Move[]) => some.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
