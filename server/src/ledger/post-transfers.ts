/**
 * The only door through which money moves between ledger accounts.
 *
 * Owns: locks, idempotency, entries and balances of a batch, in a fixed number of statements whatever its size.
 * Never: opens a transaction of its own (the caller's decides what else commits with the money), never calls out.
 *
 * Under READ COMMITTED each statement has a snapshot of its own, and the order here is the argument:
 * 1. all accounts of the batch are locked, in id order, so two batches cannot deadlock on each other;
 * 2. only then the keys are looked up: a twin committed by another connection touches the same accounts, so it
 *    either committed before our lock and is seen, or waits for us;
 * 3. transfers, entries and balances are written by one statement. A key that was taken meanwhile for other accounts is
 *    refused, and the whole transaction is run again.
 *
 * A large batch writes first and locks last (write-first.ts), so that others wait for its balances only.
 */
import type { Tx } from '../db/client.ts';
import { bothInOrder } from '../db/prepared.ts';
import { publish } from '../observe/facts.ts';
import {
  contentHash,
  currencyIn,
  type HashedTransfer,
  type NewTransfer,
  type Plan,
  type PostResult,
  plan,
  sumsOf,
} from './plan.ts';
import { columnsOf, findStanding, insertTransfers, lockAccounts } from './statements.ts';
import { writeDecided, writeFirst } from './write-first.ts';

/** No repeat of such a key is ever asked for: to the ledger it stands for other money, whatever it says. */
const NOT_HASHED = '';

/** From here on the two statements more are worth it. */
const LARGE = 32;

/**
 * Posts a batch inside the caller's transaction, which must run through `inTransaction` so that it can be retried.
 *
 * Transfers are judged in the order given. One that lacks funds, or whose key stands for other money, is answered
 * and leaves no trace; the others post. Posting the same batch again posts nothing and answers `already_posted`.
 * @returns one result per transfer, in order.
 * @throws LedgerError for a batch that no ledger can hold (unbalanced, unknown account): a programmer's error.
 */
export async function postTransfers(tx: Tx, transfers: readonly NewTransfer[]): Promise<PostResult[]> {
  if (transfers.length === 0) return [];
  const hashed = transfers.map((transfer) => ({ transfer, contentHash: contentHash(transfer) }));
  const written = transfers.length < LARGE ? null : await writeFirst(tx, hashed);
  const { results, toPost } = written ?? (await lockFirst(tx, hashed));
  tellPosted(toPost);
  return [...results];
}

/**
 * Posts, whole, what the caller decided under locks of its own: keys that stand for nothing yet, and cover for all. Neither is
 * looked up beforehand.
 * @param currency of all their accounts
 * @throws when one of both was not so, or the database refuses what no ledger can hold; the transaction has to end with it.
 */
export async function postDecided(
  tx: Tx,
  transfers: readonly NewTransfer[],
  currency: string,
): Promise<void> {
  if (transfers.length === 0) return;
  const hashed = transfers.map((transfer) => ({ transfer, contentHash: NOT_HASHED }));
  await writeDecided(tx, hashed, () => currency);
  tellPosted(hashed);
}

async function lockFirst(tx: Tx, hashed: readonly HashedTransfer[]): Promise<Plan> {
  const locking = lockAccounts(tx, new Set(accountIds(hashed)));
  const looking = findStanding(tx, hashed);
  const [accounts, standing] = await bothInOrder(locking, looking);
  const planned = plan(hashed, accounts, standing);
  const { toPost } = planned;
  if (toPost.length > 0)
    await insertTransfers(tx, columnsOf(toPost, currencyIn(accounts)), sumsOf(toPost).deltas);
  return planned;
}

const accountIds = (hashed: readonly HashedTransfer[]) =>
  hashed.flatMap(({ transfer }) => transfer.entries.map((entry) => entry.accountId));

function tellPosted(posted: readonly HashedTransfer[]): void {
  const counts = new Map<string, number>();
  for (const { transfer } of posted) counts.set(transfer.kind, (counts.get(transfer.kind) ?? 0) + 1);
  for (const [kind, count] of counts) publish('posted', { kind, count });
}
