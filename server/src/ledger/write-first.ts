/**
 * A large batch posted the other way round: everything that touches only its own rows is written first, and the accounts,
 * which other batches want too, are locked last, for as long as it takes to move their balances.
 *
 * Owns: undoing what was written when the locked balances do not cover it. Never: posts a part of a batch; who lacks funds
 * is then decided under locks, transfer by transfer, by the caller.
 *
 * The order is the argument here as well: keys are taken in their own order before any account is locked, and accounts in
 * theirs; a key that another connection took after it was looked up is refused, and the transaction is run again.
 * That an entry's transfer and account are there is asked at the end of its statement and locks neither (0056_entries_proved_at_once.sql).
 */
import type { Tx } from '../db/client.ts';
import { bothInOrder } from '../db/prepared.ts';
import { currencyIn, type HashedTransfer, type Plan, plan, sumsOf } from './plan.ts';
import { columnsOf, findStanding, insertTransfers, moveIfCovered, peekAtAccounts } from './statements.ts';

/** Ends the savepoint, or the transaction, that holds what was written. */
class NotCovered extends Error {}

/** @returns null when funds are, or may be, lacking: nothing is written then. */
export async function writeFirst(tx: Tx, hashed: readonly HashedTransfer[]): Promise<Plan | null> {
  const looking = findStanding(tx, hashed);
  const peeking = peekAtAccounts(tx, sumsOf(hashed).deltas.keys());
  const [standing, accounts] = await bothInOrder(looking, peeking);
  const planned = plan(hashed, accounts, standing);
  if (planned.results.some(({ status }) => status === 'insufficient_funds')) return null;
  if (planned.toPost.length === 0) return planned;
  try {
    await tx.transaction((savepoint) => writeDecided(savepoint, planned.toPost, currencyIn(accounts)));
  } catch (error) {
    if (error instanceof NotCovered) return null;
    throw error;
  }
  return planned;
}

/**
 * @param currencyOf an account's
 * @throws when a key or the cover was not as it was decided: whatever was written has to go.
 */
export async function writeDecided(
  tx: Tx,
  toPost: readonly HashedTransfer[],
  currencyOf: (accountId: string) => string,
): Promise<void> {
  await insertTransfers(tx, columnsOf(toPost, currencyOf), null);
  // Others wait from here on.
  if (!(await moveIfCovered(tx, sumsOf(toPost))))
    throw new NotCovered('the balances do not cover every order of the batch');
}
