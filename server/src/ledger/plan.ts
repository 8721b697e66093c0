/**
 * Decides a batch against balances that are locked: which transfers post, which stood already, which lack funds.
 *
 * Pure. Owns: the order of decisions and the running balances. Never: talks to a database.
 */
import { hash } from 'node:crypto';
import type { AccountKind, TransferKind, TransferReference } from '../db/schema/ledger.ts';
import { GUARDED_KINDS } from '../db/schema/ledger.ts';
import { LedgerError } from './errors.ts';

export interface TransferEntry {
  readonly accountId: string;
  /** Signed minor units of the account's currency: positive credits the account. Never zero. */
  readonly amountMinor: bigint;
}

export interface NewTransfer {
  /** UUIDv7 made by the caller. */
  readonly id: string;
  readonly kind: TransferKind;
  /** Unique over all transfers ever: derived from what caused the transfer, never random per attempt. */
  readonly idempotencyKey: string;
  /** For people and audits; two attempts with one key may differ in it, the first one stays. */
  readonly reference: TransferReference;
  /** At least two, of different accounts, summing to zero in each currency. */
  readonly entries: readonly TransferEntry[];
}

/** `idempotency_key_reused`: the key stands for other money; nothing was posted. */
export type PostStatus = 'posted' | 'already_posted' | 'insufficient_funds' | 'idempotency_key_reused';

export interface PostResult {
  readonly status: PostStatus;
  /** The transfer that stands under the key: the caller's when posted now, the first one's when it stood already. */
  readonly transferId: string | null;
}

export interface LockedAccount {
  readonly kind: AccountKind;
  readonly currency: string;
  readonly balanceMinor: bigint;
}

export interface StandingTransfer {
  readonly id: string;
  /** Hex of {@link contentHash}. */
  readonly contentHash: string;
}

const guarded: ReadonlySet<AccountKind> = new Set(GUARDED_KINDS);

/** SHA-256 (hex) over kind and entries in a fixed order: what a repeat of an idempotency key must agree with. */
export function contentHash(transfer: NewTransfer): string {
  const entries = transfer.entries.map((entry) => `\n${entry.accountId} ${entry.amountMinor}`).sort();
  let text: string = transfer.kind;
  for (const entry of entries) text += entry;
  return hash('sha256', text, 'hex');
}

/**
 * Refuses what no ledger can hold.
 * @throws LedgerError
 */
export function assertWellFormed(transfer: NewTransfer, accounts: ReadonlyMap<string, LockedAccount>): void {
  if (transfer.entries.length < 2)
    throw new LedgerError('transfer_too_small', `transfer ${transfer.id} has fewer than two entries`);
  const sums = new Map<string, bigint>();
  const seen = new Set<string>();
  for (const { accountId, amountMinor } of transfer.entries) {
    const account = accounts.get(accountId);
    if (account === undefined)
      throw new LedgerError('account_unknown', `transfer ${transfer.id} names account ${accountId}`);
    if (amountMinor === 0n)
      throw new LedgerError('entry_amount_zero', `transfer ${transfer.id} has an entry of zero`);
    if (seen.has(accountId))
      throw new LedgerError('account_twice_in_transfer', `transfer ${transfer.id} names ${accountId} twice`);
    seen.add(accountId);
    sums.set(account.currency, (sums.get(account.currency) ?? 0n) + amountMinor);
  }
  for (const [currency, sum] of sums) {
    if (sum !== 0n)
      throw new LedgerError('transfer_unbalanced', `transfer ${transfer.id} sums to ${sum} ${currency}`);
  }
}

export interface HashedTransfer {
  readonly transfer: NewTransfer;
  /** {@link contentHash} */
  readonly contentHash: string;
}

export interface Plan {
  /** In the order of the batch. */
  readonly results: readonly PostResult[];
  readonly toPost: readonly HashedTransfer[];
}

/**
 * Walks the batch in its order. A transfer that lacks funds leaves no trace and later ones are judged without it; a
 * twin inside the batch counts once; what stood already moves no money again.
 */
export function plan(
  transfers: readonly HashedTransfer[],
  accounts: ReadonlyMap<string, LockedAccount>,
  standing: ReadonlyMap<string, StandingTransfer>,
): Plan {
  const known = new Map(standing);
  const running = new Map<string, bigint>();
  const balanceOf = (id: string) => running.get(id) ?? accounts.get(id)?.balanceMinor ?? 0n;
  const toPost: HashedTransfer[] = [];
  const results = transfers.map((hashed): PostResult => {
    const { transfer, contentHash } = hashed;
    const stands = known.get(transfer.idempotencyKey);
    if (stands !== undefined) {
      const status = stands.contentHash === contentHash ? 'already_posted' : 'idempotency_key_reused';
      return { status, transferId: status === 'already_posted' ? stands.id : null };
    }
    assertWellFormed(transfer, accounts);
    const short = transfer.entries.some(({ accountId, amountMinor }) => {
      const kind = accounts.get(accountId)?.kind;
      return (
        kind !== undefined && guarded.has(kind) && amountMinor < 0n && balanceOf(accountId) + amountMinor < 0n
      );
    });
    if (short) return { status: 'insufficient_funds', transferId: null };
    for (const entry of transfer.entries)
      running.set(entry.accountId, balanceOf(entry.accountId) + entry.amountMinor);
    known.set(transfer.idempotencyKey, { id: transfer.id, contentHash });
    toPost.push(hashed);
    return { status: 'posted', transferId: transfer.id };
  });
  return { results, toPost };
}

export interface Sums {
  /** What each account gains or loses by all of them. */
  readonly deltas: ReadonlyMap<string, bigint>;
  /**
   * What is taken from each account, without what it is given: negative, or zero. Whatever a batch's order, no balance that
   * holds all of it falls below zero.
   */
  readonly debits: ReadonlyMap<string, bigint>;
}

export function sumsOf(hashed: readonly HashedTransfer[]): Sums {
  const deltas = new Map<string, bigint>();
  const debits = new Map<string, bigint>();
  for (const { transfer } of hashed)
    for (const { accountId, amountMinor } of transfer.entries) {
      deltas.set(accountId, (deltas.get(accountId) ?? 0n) + amountMinor);
      debits.set(accountId, (debits.get(accountId) ?? 0n) + (amountMinor < 0n ? amountMinor : 0n));
    }
  return { deltas, debits };
}

/** The currency of an account that a plan has looked at; of another the empty text, which no account has. */
export const currencyIn = (accounts: ReadonlyMap<string, LockedAccount>) => (accountId: string) =>
  accounts.get(accountId)?.currency ?? '';
