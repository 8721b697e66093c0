/**
 * The provider's events, each handled exactly once, however often and in whatever order they come.
 *
 * Owns: the table `provider_events`, and which room an event belongs to. Never: calls the provider inside a transaction.
 */
import { eq } from 'drizzle-orm';
import type { ServerContext } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { providerEvents, topUps } from '../db/schema/money.ts';
import { learnAccount } from './bank-accounts.ts';
import type { EventOutcome } from './outcome.ts';
import type { EventOf, MoneyEvent } from './port.ts';
import { recordRefunds } from './refunds.ts';
import { recordDispute } from './reversals.ts';
import { closeTopUp, creditTopUp, lockTopUp } from './top-ups.ts';
import { applyFact } from './withdrawals/book.ts';

type Needs = Pick<ServerContext, 'db' | 'config' | 'clock' | 'money' | 'log'>;

/**
 * What an event did and the money stand or fall together.
 * @throws ProviderUnavailable when the provider must be asked first; the event then comes again
 */
export async function handleMoneyEvent(needs: Needs, event: MoneyEvent): Promise<EventOutcome> {
  // An account's event may be older than what we know: it only says that there is something to ask.
  if (event.kind === 'account_changed') await learnAccount(needs, event.account.providerId);
  if (event.kind === 'payment_disputed') await learnPayment(needs, event);
  const known = event.kind === 'payment_refunded' ? await learnRefunds(needs, event) : event;
  return inTransaction(needs.db, async (tx) => {
    const outcome = await applyEvent(needs, tx, known);
    const receivedAt = new Date(needs.clock.nowMs());
    const recorded = await tx
      .insert(providerEvents)
      .values({ id: event.eventId, type: event.eventType, outcome, receivedAt })
      .onConflictDoNothing()
      .returning({ id: providerEvents.id });
    return recorded.length === 0 ? 'already_handled' : outcome;
  });
}

/** An event of refunds may be older than what became of them, and others may have been lost: all of them are asked for. */
async function learnRefunds(
  needs: Needs,
  event: EventOf<'payment_refunded'>,
): Promise<EventOf<'payment_refunded'>> {
  if (!(await learnPayment(needs, event))) return event;
  const all = await needs.money.refundsOf(event.paymentId);
  return { ...event, refunds: [...all, ...event.refunds] };
}

/**
 * A refund or a dispute may come before we know of the payment itself: that is asked and credited first.
 * @returns false when the payment is none of ours.
 */
async function learnPayment(
  needs: Needs,
  { paymentId }: EventOf<'payment_refunded' | 'payment_disputed'>,
): Promise<boolean> {
  const known = await needs.db.select({ id: topUps.id }).from(topUps).where(eq(topUps.paymentId, paymentId));
  if (known.length > 0) return true;
  const paid = await needs.money.askAboutPayment(paymentId);
  if (paid === null) return false;
  await handleMoneyEvent(needs, paid);
  return true;
}

async function applyEvent(needs: Needs, tx: Tx, event: MoneyEvent): Promise<EventOutcome> {
  switch (event.kind) {
    case 'other':
      return 'nothing_to_do';
    case 'account_changed':
      return 'recorded';
    case 'withdrawal_fact':
      return applyFact(needs, tx, event.withdrawalId, event.fact);
    case 'payment_refunded':
      return recordRefunds(needs, tx, event);
    case 'payment_disputed':
      return recordDispute(needs, tx, event);
    case 'checkout_paid':
    case 'checkout_failed':
    case 'checkout_expired':
      return applyCheckout(needs, tx, event);
  }
}

async function applyCheckout(
  needs: Needs,
  tx: Tx,
  event: EventOf<'checkout_paid'> | EventOf<'checkout_failed' | 'checkout_expired'>,
): Promise<EventOutcome> {
  const row = await lockTopUp(tx, event);
  if (row === null) {
    const { eventId, topUpId } = event;
    needs.log.warn({ eventId, topUpId }, 'event names a top-up that is not ours');
    return 'refused';
  }
  if (event.kind === 'checkout_paid') return creditTopUp(needs, tx, row, event);
  return closeTopUp(needs, tx, row, event.kind === 'checkout_failed' ? 'failed' : 'expired');
}
