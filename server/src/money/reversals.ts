/**
 * Card payments that were taken back: disputes, and how money is taken for them and for refunds (`refunds.ts`). The money leaves the wallet of who topped up, and no other's.
 * What is not in the online wallet any more the guarantee fund lends, and it is a debt that later inflow repays.
 *
 * Owns: the table `top_up_disputes`, transfers of the kinds `top_up_reversal` and `dispute_return`. Never: touches an offline reserve; shops may have been paid from it already.
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

export type ReversalNeeds = Pick<ServerContext, 'clock' | 'log'>;

const RANK: Readonly<Record<DisputeState, number>> = { open: 0, lost: 1, won: 2 };

export async function recordDispute(
  needs: ReversalNeeds,
  tx: Tx,
  event: EventOf<'payment_disputed'>,
): Promise<EventOutcome> {
  const row = await lockByPayment(needs, tx, event);
  if (row === null) return 'refused';
  const { disputeId: id, amountMinor, state, saidAt } = event;
  const [known] = await tx.select().from(topUpDisputes).where(eq(topUpDisputes.id, id));
  if (known !== undefined && !saysMore(known, { state, saidAt })) return 'nothing_to_do';
  const now = new Date(needs.clock.nowMs());
  const closedAt = state === 'open' ? null : now;
  if (known === undefined)
    await tx
      .insert(topUpDisputes)
      .values({ id, topUpId: row.id, amountMinor, state, openedAt: now, closedAt, saidAt });
  const isLostAgain = known?.state === 'won' && state === 'lost';
  const turns = (known?.turns ?? 0) + (isLostAgain ? 1 : 0);
  if (known !== undefined)
    await tx.update(topUpDisputes).set({ state, closedAt, saidAt, turns }).where(eq(topUpDisputes.id, id));
  const turn = turns === 0 ? '' : `:${turns}`;
  if ((known === undefined && state !== 'won') || isLostAgain) {
    await takeBack(needs, tx, { row, amountMinor, key: `top_up_dispute:${id}${turn}`, reason: 'disputed' });
    return 'taken_back';
  }
  if (known === undefined || state !== 'won') return 'recorded';
  await giveBack(tx, row, {
    amountMinor: known.amountMinor,
    kind: 'dispute_return',
    key: `dispute_return:${id}${turn}`,
    reason: 'dispute_won',
  });
  return 'given_back';
}

/**
 * An appeal can turn a loss into a win, and a bank can appeal against that: what was said later counts. Within one second, and
 * for disputes that were recorded before times were, a win says more than a loss and a loss more than an open dispute.
 * A dispute that is open again after a win holds no money yet.
 */
function saysMore(
  known: Pick<typeof topUpDisputes.$inferSelect, 'state' | 'saidAt'>,
  said: { readonly state: DisputeState; readonly saidAt: Date },
): boolean {
  if (known.state === said.state || (known.state === 'won' && said.state === 'open')) return false;
  const isSameTime = known.saidAt === null || known.saidAt.getTime() === said.saidAt.getTime();
  return isSameTime ? RANK[said.state] > RANK[known.state] : said.saidAt > (known.saidAt ?? said.saidAt);
}

/** Null, and logged, for a payment that is none of our top-ups. */
export async function lockByPayment(
  needs: ReversalNeeds,
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

export async function takeBack(needs: ReversalNeeds, tx: Tx, taking: TakingBack): Promise<void> {
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

export async function giveBack(
  tx: Tx,
  row: TopUpRow,
  giving: {
    readonly amountMinor: bigint;
    readonly kind: 'dispute_return' | 'correction';
    readonly key: string;
    readonly reason: string;
  },
): Promise<void> {
  const { userId, currency } = row;
  const wallet = await findAccount(tx, { kind: 'user_online', ownerId: userId, currency });
  const clearing = await openAccount(tx, { kind: 'stripe_clearing', currency });
  const id = randomUUIDv7();
  const { amountMinor, kind, key, reason } = giving;
  const [posted] = await postTransfers(tx, [
    {
      id,
      kind,
      idempotencyKey: key,
      reference: { topUpId: row.id, reason },
      entries: [
        { accountId: clearing, amountMinor: -amountMinor },
        { accountId: wallet, amountMinor },
      ],
    },
  ]);
  if (posted?.status !== 'posted') throw new Error(`giving back ${key} was ${posted?.status}`);
  await recoverDebts(tx, { userId, currency, amountMinor, transferId: id });
}
