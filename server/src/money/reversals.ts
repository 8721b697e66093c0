/**
 * Card payments that were taken back: refunds and disputes. The money leaves the wallet of who topped up, and no other's.
 * What is not in the online wallet any more the guarantee fund lends, and it is a debt that later inflow repays.
 *
 * Owns: the table `top_up_disputes`, `top_ups.refunded_minor`, transfers of the kinds `top_up_reversal` and
 * `dispute_return`. Never: touches an offline reserve; shops may have been paid from it already.
 */
import { randomUUIDv7 } from 'node:crypto';
import { eq } from 'drizzle-orm';
import type { ServerContext } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { type DisputeState, topUpDisputes, topUps } from '../db/schema/money.ts';
import { debts } from '../db/schema/settlement.ts';
import { recoverDebts } from '../debts/recover.ts';
import { balances, findAccount, openAccount, postTransfers } from '../ledger/index.ts';
import type { EventOutcome } from './outcome.ts';
import type { EventOf } from './port.ts';
import type { TopUpRow } from './top-ups.ts';

type Needs = Pick<ServerContext, 'clock' | 'log'>;

export async function recordRefund(
  needs: Needs,
  tx: Tx,
  event: EventOf<'payment_refunded'>,
): Promise<EventOutcome> {
  const row = await lockByPayment(needs, tx, event);
  if (row === null) return 'refused';
  const moreMinor = event.refundedMinor - row.refundedMinor;
  // An older event says less than we know.
  if (moreMinor <= 0n) return 'nothing_to_do';
  if (event.refundedMinor > row.amountMinor) {
    needs.log.error({ eventId: event.eventId, topUpId: row.id }, 'more was refunded than was paid');
    return 'refused';
  }
  await tx.update(topUps).set({ refundedMinor: event.refundedMinor }).where(eq(topUps.id, row.id));
  const key = `top_up_refund:${row.id}:${event.refundedMinor}`;
  await takeBack(needs, tx, { row, amountMinor: moreMinor, key, reason: 'refunded' });
  return 'taken_back';
}

const RANK: Readonly<Record<DisputeState, number>> = { open: 0, lost: 1, won: 2 };

export async function recordDispute(
  needs: Needs,
  tx: Tx,
  event: EventOf<'payment_disputed'>,
): Promise<EventOutcome> {
  const row = await lockByPayment(needs, tx, event);
  if (row === null) return 'refused';
  const { disputeId: id, amountMinor, state } = event;
  const [known] = await tx.select().from(topUpDisputes).where(eq(topUpDisputes.id, id));
  // An appeal can turn a loss into a win and nothing else turns back, so whatever arrives late says less.
  if (known !== undefined && RANK[known.state] >= RANK[state]) return 'nothing_to_do';
  const now = new Date(needs.clock.nowMs());
  const closedAt = state === 'open' ? null : now;
  if (known === undefined)
    await tx
      .insert(topUpDisputes)
      .values({ id, topUpId: row.id, amountMinor, state, openedAt: now, closedAt });
  else await tx.update(topUpDisputes).set({ state, closedAt }).where(eq(topUpDisputes.id, id));
  if (known === undefined && state !== 'won') {
    await takeBack(needs, tx, { row, amountMinor, key: `top_up_dispute:${id}`, reason: 'disputed' });
    return 'taken_back';
  }
  if (known === undefined || state !== 'won') return 'recorded';
  await giveBack(tx, row, known);
  return 'given_back';
}

async function lockByPayment(
  needs: Needs,
  tx: Tx,
  event: EventOf<'payment_refunded' | 'payment_disputed'>,
): Promise<TopUpRow | null> {
  const [row] = await tx.select().from(topUps).where(eq(topUps.paymentId, event.paymentId)).for('update');
  if (row !== undefined && row.status === 'succeeded' && row.currency === event.currency) return row;
  needs.log.warn({ eventId: event.eventId }, 'event takes back a payment that is none of ours');
  return null;
}

interface TakingBack {
  readonly row: TopUpRow;
  readonly amountMinor: bigint;
  readonly key: string;
  readonly reason: 'refunded' | 'disputed';
}

async function takeBack(needs: Needs, tx: Tx, taking: TakingBack): Promise<void> {
  const { row, amountMinor, key, reason } = taking;
  const { userId, currency } = row;
  const wallet = await findAccount(tx, { kind: 'user_online', ownerId: userId, currency });
  const clearing = await openAccount(tx, { kind: 'stripe_clearing', currency });
  const fund = await openAccount(tx, { kind: 'guarantee_fund', currency });
  for (;;) {
    const owned = await balances(tx, { kind: 'user_online', ownerIds: [userId], currency });
    const thereMinor = owned.get(userId) ?? 0n;
    const fromWallet = thereMinor < amountMinor ? thereMinor : amountMinor;
    const missing = amountMinor - fromWallet;
    const entries = [
      { accountId: wallet, amountMinor: -fromWallet },
      { accountId: fund, amountMinor: -missing },
      { accountId: clearing, amountMinor },
    ].filter((entry) => entry.amountMinor !== 0n);
    const transfer = {
      id: randomUUIDv7(),
      kind: 'top_up_reversal' as const,
      idempotencyKey: key,
      reference: { topUpId: row.id, reason },
      entries,
    };
    const [posted] = await postTransfers(tx, [transfer]);
    // Spent between the two statements. The account is locked by the attempt: the next look is true.
    if (posted?.status === 'insufficient_funds') continue;
    if (posted?.status !== 'posted') throw new Error(`taking back ${key} was ${posted?.status}`);
    if (missing > 0n) {
      const createdAt = new Date(needs.clock.nowMs());
      const debt = { userId, reversalKey: key, amountMinor: missing, currency, createdAt };
      await tx.insert(debts).values({ id: randomUUIDv7(), ...debt });
      needs.log.warn({ topUpId: row.id, reason }, 'a card payment was taken back after its money was spent');
    }
    return;
  }
}

async function giveBack(
  tx: Tx,
  row: TopUpRow,
  dispute: { readonly id: string; readonly amountMinor: bigint },
): Promise<void> {
  const { userId, currency } = row;
  const wallet = await findAccount(tx, { kind: 'user_online', ownerId: userId, currency });
  const clearing = await openAccount(tx, { kind: 'stripe_clearing', currency });
  const id = randomUUIDv7();
  const { amountMinor } = dispute;
  const [posted] = await postTransfers(tx, [
    {
      id,
      kind: 'dispute_return',
      idempotencyKey: `dispute_return:${dispute.id}`,
      reference: { topUpId: row.id },
      entries: [
        { accountId: clearing, amountMinor: -amountMinor },
        { accountId: wallet, amountMinor },
      ],
    },
  ]);
  if (posted?.status !== 'posted') throw new Error(`returning dispute ${dispute.id} was ${posted?.status}`);
  await recoverDebts(tx, { userId, currency, amountMinor, transferId: id });
}
