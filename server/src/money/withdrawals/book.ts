/**
 * Writes what is known of a withdrawal, and the ledger transfers that follow from it, in one transaction.
 *
 * Owns: the fact columns of `withdrawals`; transfers of the kinds `pay_out...`. Never: calls the provider.
 */
import { randomUUIDv7 } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import type { ServerContext } from '../../context.ts';
import type { Tx } from '../../db/client.ts';
import { withdrawals } from '../../db/schema/money.ts';
import { recoverDebts } from '../../debts/recover.ts';
import { type NewTransfer, openAccount, postTransfers } from '../../ledger/index.ts';
import type { EventOutcome } from '../outcome.ts';
import {
  type Booking,
  bookingsBetween,
  type Facts,
  nextStep,
  stateOf,
  type WithdrawalFact,
  withFact,
} from './facts.ts';

type Needs = Pick<ServerContext, 'clock' | 'log'>;
export type WithdrawalRow = typeof withdrawals.$inferSelect;

export const netOf = (row: Pick<WithdrawalRow, 'amountMinor' | 'feeMinor'>) => row.amountMinor - row.feeMinor;

interface House {
  readonly clearing: string;
  readonly connected: string;
  readonly transit: string;
  readonly fees: string;
}

async function house(tx: Tx, currency: string): Promise<House> {
  const clearing = await openAccount(tx, { kind: 'stripe_clearing', currency });
  const connected = await openAccount(tx, { kind: 'stripe_connected', currency });
  const transit = await openAccount(tx, { kind: 'pay_outs_in_transit', currency });
  return { clearing, connected, transit, fees: await openAccount(tx, { kind: 'fees', currency }) };
}

/** The money leaves the pocket. @returns false when the pocket does not hold it; nothing was posted then. */
export async function bookRequest(
  tx: Tx,
  row: Pick<WithdrawalRow, 'id' | 'amountMinor' | 'currency' | 'ledgerAccountId' | 'bankName' | 'bankLast4'>,
): Promise<boolean> {
  const { amountMinor, ledgerAccountId } = row;
  const transit = await openAccount(tx, { kind: 'pay_outs_in_transit', currency: row.currency });
  const [posted] = await postTransfers(tx, [
    {
      id: randomUUIDv7(),
      kind: 'pay_out',
      idempotencyKey: `pay_out:${row.id}`,
      reference: referenceOf(row),
      entries: [
        { accountId: ledgerAccountId, amountMinor: -amountMinor },
        { accountId: transit, amountMinor },
      ],
    },
  ]);
  if (posted?.status === 'insufficient_funds') return false;
  if (posted?.status !== 'posted') throw new Error(`withdrawal ${row.id} was ${posted?.status}`);
  return true;
}

function referenceOf(row: Pick<WithdrawalRow, 'id' | 'bankName' | 'bankLast4'>) {
  const bank = `${row.bankName} •••• ${row.bankLast4}`;
  return { withdrawalId: row.id, payeeText: bank, payerText: bank };
}

/** In the caller's transaction, which runs through `inTransaction`. Repeating it changes nothing. */
export async function applyFact(
  needs: Needs,
  tx: Tx,
  withdrawalId: string,
  fact: WithdrawalFact,
): Promise<EventOutcome> {
  const [row] = await tx.select().from(withdrawals).where(eq(withdrawals.id, withdrawalId)).for('update');
  if (row === undefined || row.state === 'awaiting_code' || !fits(row, fact)) {
    needs.log.error({ withdrawalId, fact: fact.type }, 'the provider tells of a withdrawal that is not ours');
    return 'refused';
  }
  const after = withFact(row, fact);
  if (after === null) {
    needs.log.error({ withdrawalId, fact: fact.type }, 'the provider contradicts what has been booked');
    return 'refused';
  }
  if (after === row) return 'nothing_to_do';
  await book(tx, row, bookingsBetween(row, after));
  await tx.update(withdrawals).set(columnsAfter(needs, after)).where(eq(withdrawals.id, withdrawalId));
  return 'recorded';
}

/** Metadata names a withdrawal; account and amount prove that it is ours. */
function fits(row: WithdrawalRow, fact: WithdrawalFact): boolean {
  switch (fact.type) {
    case 'transferred':
      return (
        fact.accountId === row.providerAccountId &&
        fact.amountMinor === netOf(row) &&
        fact.currency === row.currency
      );
    case 'paying':
    case 'paid':
    case 'payout_failed':
      return fact.accountId === row.providerAccountId && fact.amountMinor === netOf(row);
    case 'transfer_reversed':
    case 'transfer_refused':
    case 'payout_refused':
      return true;
  }
}

function columnsAfter({ clock }: Needs, facts: Facts) {
  const now = new Date(clock.nowMs());
  const state = stateOf(facts);
  const isOver = state === 'paid' || state === 'returned';
  return {
    transferId: facts.transferId,
    transferRefused: facts.transferRefused,
    isReversed: facts.isReversed,
    payoutId: facts.payoutId,
    payoutRefused: facts.payoutRefused,
    isPaid: facts.isPaid,
    payoutFailed: facts.payoutFailed,
    isReturned: facts.isReturned,
    state,
    finishedAt: isOver ? now : null,
    nextStepAt: nextStep(facts) === null ? null : now,
    tries: 0,
  };
}

async function book(tx: Tx, row: WithdrawalRow, bookings: readonly Booking[]): Promise<void> {
  if (bookings.length === 0) return;
  const accounts = await house(tx, row.currency);
  const transfers = bookings.map((booking) => transferOf(row, booking, accounts));
  const results = await postTransfers(tx, transfers);
  const failed = results.find(({ status }) => status !== 'posted');
  if (failed !== undefined) throw new Error(`booking withdrawal ${row.id} was ${failed.status}`);
  const back = transfers[bookings.indexOf('returned')];
  if (back !== undefined && (await isWallet(tx, row))) {
    const { userId, currency, amountMinor } = row;
    await recoverDebts(tx, { userId, currency, amountMinor, transferId: back.id });
  }
}

async function isWallet(tx: Tx, row: WithdrawalRow): Promise<boolean> {
  const [account] = await tx.execute<{ kind: string }>(
    sql`select kind from ledger_accounts where id = ${row.ledgerAccountId}`,
  );
  return account?.kind === 'user_online';
}

const KINDS = {
  sent: 'pay_out_sent',
  recalled: 'pay_out_recalled',
  paid: 'pay_out_paid',
  unpaid: 'pay_out_unpaid',
  returned: 'pay_out_return',
} as const;

function transferOf(row: WithdrawalRow, booking: Booking, accounts: House): NewTransfer {
  const kind = KINDS[booking];
  return {
    id: randomUUIDv7(),
    kind,
    idempotencyKey: `${kind}:${row.id}`,
    reference: referenceOf(row),
    entries: entriesOf(row, booking, accounts).filter(({ amountMinor }) => amountMinor !== 0n),
  };
}

function entriesOf(row: WithdrawalRow, booking: Booking, { clearing, connected, transit, fees }: House) {
  const { amountMinor, feeMinor } = row;
  const net = netOf(row);
  switch (booking) {
    case 'sent':
    case 'recalled': {
      const moved = booking === 'sent' ? net : -net;
      return [
        { accountId: clearing, amountMinor: moved },
        { accountId: connected, amountMinor: -moved },
      ];
    }
    case 'paid':
    case 'unpaid': {
      const sign = booking === 'paid' ? 1n : -1n;
      return [
        { accountId: transit, amountMinor: -sign * amountMinor },
        { accountId: connected, amountMinor: sign * net },
        { accountId: fees, amountMinor: sign * feeMinor },
      ];
    }
    case 'returned':
      return [
        { accountId: transit, amountMinor: -amountMinor },
        { accountId: row.ledgerAccountId, amountMinor },
      ];
  }
}
