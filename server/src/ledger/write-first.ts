/**
 * A large batch posted the other way round: everything that touches only its own rows is written first, and the accounts,
 * which other batches want too, are locked last, for as long as it takes to move their balances.
 *
 * Owns: undoing what was written when the locked balances do not cover it. Never: posts a part of a batch; who lacks funds
 * is then decided under locks, transfer by transfer, by the caller.
 *
 * The order is the argument here as well: keys are taken in their own order before any account is locked, and accounts in
 * theirs; a key that another connection took after it was looked up makes the count differ, and the transaction is run again.
 * That an entry's transfer and account are there is asked at the end of its statement and locks neither (0034_entries_refer_in_sets.sql).
 */
import type { Tx } from '../db/client.ts';
import { bothInOrder } from '../db/prepared.ts';
import { RetryTransaction } from '../db/retry.ts';
import { type HashedTransfer, type Plan, plan } from './plan.ts';
import {
  columnsOf,
  findStanding,
  insertTransfers,
  lockIfCovered,
  moveBalances,
  peekAtAccounts,
} from './statements.ts';

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
    await tx.transaction((savepoint) => writeDecided(savepoint, planned.toPost));
  } catch (error) {
    if (error instanceof NotCovered) return null;
    throw error;
  }
  return planned;
}

/** @throws when a key or the cover was not as it was decided: whatever was written has to go. */
export async function writeDecided(tx: Tx, toPost: readonly HashedTransfer[]): Promise<void> {
  const sums = sumsOf(toPost);
  const inserted = await insertTransfers(tx, columnsOf(toPost), { moves: false });
  if (inserted !== toPost.length) throw new RetryTransaction('an idempotency key was taken meanwhile');
  // Both on their way at once: others wait from here on. Balances that were moved without cover go with the savepoint.
  const [covered, moved] = await Promise.allSettled([
    lockIfCovered(tx, sums.debits),
    moveBalances(tx, sums.deltas),
  ]);
  if (covered.status === 'rejected') throw covered.reason;
  if (!covered.value) throw new NotCovered('the balances do not cover every order of the batch');
  if (moved.status === 'rejected') throw moved.reason;
}

interface Sums {
  /** What each account gains or loses by the whole batch. */
  readonly deltas: ReadonlyMap<string, bigint>;
  /**
   * What is taken from each account, without what it is given: negative, or zero. Whatever a batch's order, no balance that
   * holds all of it falls below zero.
   */
  readonly debits: ReadonlyMap<string, bigint>;
}

function sumsOf(hashed: readonly HashedTransfer[]): Sums {
  const deltas = new Map<string, bigint>();
  const debits = new Map<string, bigint>();
  for (const { transfer } of hashed)
    for (const { accountId, amountMinor } of transfer.entries) {
      deltas.set(accountId, (deltas.get(accountId) ?? 0n) + amountMinor);
      debits.set(accountId, (debits.get(accountId) ?? 0n) + (amountMinor < 0n ? amountMinor : 0n));
    }
  return { deltas, debits };
}
