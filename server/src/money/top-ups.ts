/**
 * Top-ups: a checkout at the provider, credited when the provider's signed event says it was paid.
 *
 * Owns: the tables `top_ups` and `provider_events`. Never: credits because a browser came back, and never calls the
 * provider inside a transaction.
 */
import { createHash } from 'node:crypto';
import { and, eq, inArray } from 'drizzle-orm';
import type { TopUp } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { providerEvents, topUps } from '../db/schema/money.ts';
import { recoverDebts } from '../debts/recover.ts';
import { problem } from '../http/problem.ts';
import { findAccount, openAccount, postTransfers } from '../ledger/index.ts';
import { type MoneyEvent, ProviderUnavailable } from './port.ts';

type Needs = Pick<ServerContext, 'db' | 'config' | 'clock' | 'money' | 'log'>;
type Row = typeof topUps.$inferSelect;

export function topUpView(row: Row): TopUp {
  return {
    id: row.id,
    amountMinor: row.amountMinor.toString(),
    currency: row.currency,
    status: row.status,
    checkoutUrl: row.status === 'awaiting_payment' ? row.checkoutUrl : null,
    createdAt: row.createdAt.toISOString(),
  };
}

/** A UUID that is the same for the same key: a repeat after a crash finds its own top-up. */
function idFromKey(key: string): string {
  const bytes = createHash('sha256').update(`top-up\n${key}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

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
  const id = idFromKey(request.key);
  const { userId, amountMinor } = request;
  const createdAt = new Date(clock.nowMs());
  const nextLookAt = new Date(createdAt.getTime() + FIRST_LOOK_MS);
  await db
    .insert(topUps)
    .values({ id, userId, amountMinor, currency: config.currency, createdAt, nextLookAt })
    .onConflictDoNothing();
  const [standing] = await db.select().from(topUps).where(eq(topUps.id, id));
  if (standing !== undefined && standing.amountMinor !== amountMinor) throw problem('idempotency_key_reused');
  if (standing !== undefined && standing.checkoutId !== null) return topUpView(standing);
  const checkout = await money
    .createCheckout({
      topUpId: id,
      amountMinor,
      currency: config.currency,
      successUrl: `${config.publicOrigin}/?topup=${id}`,
      cancelUrl: `${config.publicOrigin}/?topup=${id}&cancelled=1`,
      idempotencyKey: id,
    })
    .catch((cause: unknown) => {
      throw cause instanceof ProviderUnavailable
        ? problem('payment_provider_unavailable', { cause, retryAfterMs: 2000 })
        : cause;
    });
  const [row] = await db
    .update(topUps)
    .set({ checkoutId: checkout.checkoutId, checkoutUrl: checkout.url })
    .where(eq(topUps.id, id))
    .returning();
  if (row === undefined) throw new Error('the top-up was not stored');
  return topUpView(row);
}

/** @throws ApiProblem `top_up_not_found`, for other people's too */
export async function findTopUp(needs: Needs, userId: string, id: string): Promise<TopUp> {
  const [row] = await needs.db
    .select()
    .from(topUps)
    .where(and(eq(topUps.id, id), eq(topUps.userId, userId)));
  if (row === undefined) throw problem('top_up_not_found');
  return topUpView(row);
}

export type EventOutcome = 'credited' | 'closed' | 'already_handled' | 'nothing_to_do' | 'refused';

/**
 * Handles a verified event exactly once, however often and in whatever order the provider sends it.
 * What it did and the money stand or fall together.
 */
export async function handleMoneyEvent(needs: Needs, event: MoneyEvent): Promise<EventOutcome> {
  return inTransaction(needs.db, async (tx) => {
    const outcome = await applyEvent(needs, tx, event);
    const receivedAt = new Date(needs.clock.nowMs());
    const recorded = await tx
      .insert(providerEvents)
      .values({ id: event.eventId, type: event.eventType, outcome, receivedAt })
      .onConflictDoNothing()
      .returning({ id: providerEvents.id });
    return recorded.length === 0 ? 'already_handled' : outcome;
  });
}

async function applyEvent(needs: Needs, tx: Tx, event: MoneyEvent): Promise<EventOutcome> {
  if (event.kind === 'other') return 'nothing_to_do';
  // The row's lock puts events of one top-up in a line.
  const [row] = await tx.select().from(topUps).where(eq(topUps.id, event.topUpId)).for('update');
  if (row === undefined || (row.checkoutId !== null && row.checkoutId !== event.checkoutId)) {
    needs.log.warn(
      { eventId: event.eventId, topUpId: event.topUpId },
      'event names a top-up that is not ours',
    );
    return 'refused';
  }
  switch (event.kind) {
    case 'checkout_paid':
      return credit(needs, tx, row, event);
    case 'checkout_failed':
      return close(needs, tx, row, 'failed');
    case 'checkout_expired':
      return close(needs, tx, row, 'expired');
  }
}

async function close(needs: Needs, tx: Tx, row: Row, status: 'failed' | 'expired'): Promise<EventOutcome> {
  const finishedAt = new Date(needs.clock.nowMs());
  const open = and(eq(topUps.id, row.id), eq(topUps.status, 'awaiting_payment'));
  const closed = await tx.update(topUps).set({ status, finishedAt }).where(open).returning({ id: topUps.id });
  return closed.length > 0 ? 'closed' : 'nothing_to_do';
}

async function credit(
  needs: Needs,
  tx: Tx,
  row: Row,
  event: Extract<MoneyEvent, { kind: 'checkout_paid' }>,
): Promise<EventOutcome> {
  if (event.amountMinor !== row.amountMinor || event.currency !== row.currency) {
    needs.log.error(
      { eventId: event.eventId, topUpId: row.id },
      'the provider was paid something else than was asked',
    );
    return 'refused';
  }
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
