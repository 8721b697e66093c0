/**
 * Top-ups: a checkout at the provider, credited when the provider's signed event says it was paid.
 *
 * Owns: the table `top_ups`. Never: credits because a browser came back, and never calls the
 * provider inside a transaction.
 */
import { and, eq, inArray } from 'drizzle-orm';
import type { TopUp } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import type { Executor, Tx } from '../db/client.ts';
import { topUps } from '../db/schema/money.ts';
import { recoverDebts } from '../debts/recover.ts';
import { problem } from '../http/problem.ts';
import { findAccount, openAccount, postTransfers } from '../ledger/index.ts';
import { idFromKey } from './id-from-key.ts';
import type { EventOutcome } from './outcome.ts';
import type { EventOf } from './port.ts';
import { showTopUp } from './top-up-views.ts';
import { tryAgain } from './try-again.ts';
import { stepMinor } from './stripe-amounts.ts';

type Needs = Pick<ServerContext, 'db' | 'config' | 'clock' | 'money' | 'log'>;
export type TopUpRow = typeof topUps.$inferSelect;

/** The first time that the provider is asked about a top-up whose event has not come. */
const FIRST_LOOK_MS = 2 * 60_000;

/**
 * Opens a checkout, or finds the one that the same key opened: a second one could be paid, too, and only one counts.
 * @throws ApiProblem `amount_below_minimum`, `amount_above_maximum`, `payment_provider_unavailable`,
 *   `idempotency_key_reused`
 */
export async function startTopUp(
  needs: Needs,
  request: { userId: string; amountMinor: bigint; key: string },
): Promise<TopUp> {
  const { config, clock, db, money } = needs;
  if (request.amountMinor < config.limits.topUpMinMinor) throw problem('amount_below_minimum');
  if (request.amountMinor > config.limits.topUpMaxMinor) throw problem('amount_above_maximum');
  const step = stepMinor(config.currency, 'charge');
  if (request.amountMinor % step !== 0n)
    throw problem('request_invalid', { detail: `amountMinor: cards pay multiples of ${step} only` });
  const id = idFromKey('top-up', request.key);
  const { userId, amountMinor } = request;
  const createdAt = new Date(clock.nowMs());
  const nextLookAt = new Date(createdAt.getTime() + FIRST_LOOK_MS);
  await db
    .insert(topUps)
    .values({ id, userId, amountMinor, currency: config.currency, createdAt, nextLookAt })
    .onConflictDoNothing();
  const [standing] = await db.select().from(topUps).where(eq(topUps.id, id));
  if (standing !== undefined && standing.amountMinor !== amountMinor) throw problem('idempotency_key_reused');
  if (standing !== undefined && standing.checkoutId !== null) return showTopUp(needs.db, standing);
  const checkout = await money
    .createCheckout({
      topUpId: id,
      amountMinor,
      currency: config.currency,
      successUrl: `${config.publicOrigin}/?topup=${id}`,
      cancelUrl: `${config.publicOrigin}/?topup=${id}&cancelled=1`,
      idempotencyKey: id,
    })
    .catch(tryAgain);
  const [row] = await db
    .update(topUps)
    .set({ checkoutId: checkout.checkoutId, checkoutUrl: checkout.url })
    .where(eq(topUps.id, id))
    .returning();
  if (row === undefined) throw new Error('the top-up was not stored');
  return showTopUp(needs.db, row);
}

/** @throws ApiProblem `top_up_not_found`, for other people's too */
export async function findTopUpRow(executor: Executor, userId: string, id: string): Promise<TopUpRow> {
  const [row] = await executor
    .select()
    .from(topUps)
    .where(and(eq(topUps.id, id), eq(topUps.userId, userId)));
  if (row === undefined) throw problem('top_up_not_found');
  return row;
}

/** @throws ApiProblem `top_up_not_found`, for other people's too */
export async function findTopUp(executor: Executor, userId: string, id: string): Promise<TopUp> {
  return showTopUp(executor, await findTopUpRow(executor, userId, id));
}

/** @returns null when there is no such top-up, or it has another checkout. */
export async function lockTopUp(
  tx: Tx,
  event: { readonly topUpId: string; readonly checkoutId: string },
): Promise<TopUpRow | null> {
  // The row's lock puts events of one top-up in a line.
  const [row] = await tx.select().from(topUps).where(eq(topUps.id, event.topUpId)).for('update');
  return row === undefined || (row.checkoutId !== null && row.checkoutId !== event.checkoutId) ? null : row;
}

export async function closeTopUp(
  needs: Needs,
  tx: Tx,
  row: TopUpRow,
  status: 'failed' | 'expired',
): Promise<EventOutcome> {
  const finishedAt = new Date(needs.clock.nowMs());
  const open = and(eq(topUps.id, row.id), eq(topUps.status, 'awaiting_payment'));
  const closed = await tx.update(topUps).set({ status, finishedAt }).where(open).returning({ id: topUps.id });
  return closed.length > 0 ? 'closed' : 'nothing_to_do';
}

export async function creditTopUp(
  needs: Needs,
  tx: Tx,
  row: TopUpRow,
  event: EventOf<'checkout_paid'>,
): Promise<EventOutcome> {
  if (event.amountMinor !== row.amountMinor || event.currency !== row.currency) {
    needs.log.error(
      { eventId: event.eventId, topUpId: row.id },
      'the provider was paid something else than was asked',
    );
    return 'refused';
  }
  if (row.paymentId === null && event.paymentId !== null)
    await tx.update(topUps).set({ paymentId: event.paymentId }).where(eq(topUps.id, row.id));
  const wallet = await findAccount(tx, { kind: 'user_online', ownerId: row.userId, currency: row.currency });
  const clearing = await openAccount(tx, { kind: 'stripe_clearing', currency: row.currency });
  const [result] = await postTransfers(tx, [
    {
      id: row.id,
      kind: 'top_up',
      idempotencyKey: `top_up:${row.id}`,
      reference: { topUpId: row.id, checkoutId: event.checkoutId, eventId: event.eventId },
      entries: [
        { accountId: clearing, amountMinor: -row.amountMinor },
        { accountId: wallet, amountMinor: row.amountMinor },
      ],
    },
  ]);
  if (result?.status !== 'posted') return 'already_handled';
  await recoverDebts(tx, { ...row, transferId: row.id });
  // A payment that arrives after failure or expiry was still paid: money beats state.
  const unpaid = inArray(topUps.status, ['awaiting_payment', 'failed', 'expired']);
  const done = {
    status: 'succeeded' as const,
    finishedAt: new Date(needs.clock.nowMs()),
    checkoutId: event.checkoutId,
  };
  await tx
    .update(topUps)
    .set(done)
    .where(and(eq(topUps.id, row.id), unpaid));
  return 'credited';
}
