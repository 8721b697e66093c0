/**
 * What the guarantee fund paid for an account that overspent comes back from what later flows into that account.
 *
 * Owns: transfers of kind `debt_recovery`. Never: takes more than is owed, or more than has just come in, so that nobody finds less
 * online than before.
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, asc, eq, sql } from 'drizzle-orm';
import { toHex } from '@tikiwallet/protocol';
import type { Tx } from '../db/client.ts';
import { pgPlainArray } from '../db/pg-array.ts';
import { debts } from '../db/schema/settlement.ts';
import { findAccount, openAccount, postTransfers } from '../ledger/index.ts';

/**
 * Debts that one inflow repays at most. The guarantee fund's account is locked meanwhile, which everybody's settlement
 * needs: a copied phone can leave hundreds of small debts, and the next inflow takes up where this one ends.
 */
const ROUND = 50;

export interface Inflow {
  readonly userId: string;
  readonly currency: string;
  /** What came in: the most that is taken. */
  readonly amountMinor: bigint;
  /** The transfer that brought it: it is drawn on once. */
  readonly transferId: string;
}

/** Those of `userIds` that owe something: most inflows have nothing to repay, and need ask no further. */
export async function owingUsers(
  tx: Tx,
  userIds: readonly string[],
  currency: string,
): Promise<ReadonlySet<string>> {
  if (userIds.length === 0) return new Set();
  const rows = await tx
    .selectDistinct({ userId: debts.userId })
    .from(debts)
    .where(
      and(
        sql`${debts.userId} = any(${pgPlainArray(userIds)}::uuid[])`,
        eq(debts.currency, currency),
        sql`${debts.recoveredMinor} < ${debts.amountMinor}`,
      ),
    );
  return new Set(rows.map((row) => row.userId));
}

/** In the transaction of the inflow, after it was posted. Oldest debt first, a bounded number. @returns what went to the fund. */
export async function recoverDebts(tx: Tx, inflow: Inflow): Promise<bigint> {
  const open = await tx
    .select()
    .from(debts)
    .where(
      and(
        eq(debts.userId, inflow.userId),
        eq(debts.currency, inflow.currency),
        sql`${debts.recoveredMinor} < ${debts.amountMinor}`,
      ),
    )
    .orderBy(asc(debts.id))
    .limit(ROUND)
    .for('update');
  if (open.length === 0) return 0n;
  const { currency } = inflow;
  const online = await findAccount(tx, { kind: 'user_online', ownerId: inflow.userId, currency });
  const fund = await openAccount(tx, { kind: 'guarantee_fund', currency });
  let leftMinor = inflow.amountMinor;
  for (const debt of open) {
    const owedMinor = debt.amountMinor - debt.recoveredMinor;
    const amountMinor = owedMinor < leftMinor ? owedMinor : leftMinor;
    if (amountMinor === 0n) break;
    const [posted] = await postTransfers(tx, [
      {
        id: randomUUIDv7(),
        kind: 'debt_recovery',
        idempotencyKey: `debt_recovery:${debt.id}:${inflow.transferId}`,
        reference: {
          debtId: debt.id,
          ...(debt.paymentHash === null ? {} : { paymentHash: toHex(debt.paymentHash) }),
        },
        entries: [
          { accountId: online, amountMinor: -amountMinor },
          { accountId: fund, amountMinor },
        ],
      },
    ]);
    // Spent between the two: what is gone is taken from the next inflow.
    if (posted?.status === 'insufficient_funds') break;
    if (posted?.status !== 'posted') throw new Error(`recovering debt ${debt.id} was ${posted?.status}`);
    await tx
      .update(debts)
      .set({ recoveredMinor: debt.recoveredMinor + amountMinor })
      .where(eq(debts.id, debt.id));
    leftMinor -= amountMinor;
  }
  return inflow.amountMinor - leftMinor;
}
