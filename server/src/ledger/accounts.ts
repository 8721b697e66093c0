/**
 * Opening and reading ledger accounts.
 *
 * Owns: one row per (kind, owner, currency). Never: changes a balance; that is `post-transfers.ts`.
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, eq, isNotNull, isNull, ne, type SQL, sql } from 'drizzle-orm';
import type { Executor, Tx } from '../db/client.ts';
import { pgArray, pgPlainArray } from '../db/pg-array.ts';
import { type AccountKind, ledgerAccounts, ledgerTransfers } from '../db/schema/ledger.ts';
import { LedgerError } from './errors.ts';

/** Our own accounts: one of each per currency, with no owner. */
export type HouseAccountKind =
  | 'stripe_clearing'
  | 'stripe_connected'
  | 'pay_outs_in_transit'
  | 'guarantee_fund'
  | 'fees'
  | 'opening';
/** Other people's money: never below zero. */
export type OwnedAccountKind = Exclude<AccountKind, HouseAccountKind>;

export interface OwnedAccount {
  readonly kind: OwnedAccountKind;
  /** The user (`user_online`), the allowance (`allowance_reserve`) or the merchant (`merchant_available`). */
  readonly ownerId: string;
  /** The user whose pocket it is; their history shows its entries. */
  readonly holderId: string;
  readonly currency: string;
}

export interface HouseAccount {
  readonly kind: HouseAccountKind;
  readonly currency: string;
}

/**
 * Opens an account with balance zero, or finds the one that exists.
 * @returns the account's id.
 */
export async function openAccount(executor: Executor, account: OwnedAccount | HouseAccount): Promise<string> {
  const ownerId = 'ownerId' in account ? account.ownerId : null;
  const holderId = 'holderId' in account ? account.holderId : null;
  const values = { id: randomUUIDv7(), kind: account.kind, ownerId, holderId, currency: account.currency };
  const [opened] = await executor
    .insert(ledgerAccounts)
    .values(values)
    .onConflictDoNothing()
    .returning({ id: ledgerAccounts.id });
  return opened?.id ?? (await findAccount(executor, account));
}

/**
 * The id of an account that must exist.
 * @throws LedgerError `account_unknown`
 */
export async function findAccount(
  executor: Executor,
  account: Pick<OwnedAccount, 'kind' | 'ownerId' | 'currency'> | HouseAccount,
): Promise<string> {
  const owned: SQL =
    'ownerId' in account ? eq(ledgerAccounts.ownerId, account.ownerId) : isNull(ledgerAccounts.ownerId);
  const [found] = await executor
    .select({ id: ledgerAccounts.id })
    .from(ledgerAccounts)
    .where(and(eq(ledgerAccounts.kind, account.kind), owned, eq(ledgerAccounts.currency, account.currency)));
  if (found === undefined)
    throw new LedgerError('account_unknown', `no ${account.kind} account in ${account.currency}`);
  return found.id;
}

/**
 * Holds balances still until the transaction ends, in the order in which transfers lock them: what is decided by a balance
 * must not have changed when the money moves. Name every account that others lock and that this transaction will move.
 */
export async function lockBalances(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.execute(sql`
    select 1 from ledger_accounts where id = any(${pgArray(ids)}::uuid[]) order by id for no key update`);
}

/** A currency other than `currency` in which somebody has a pocket; null when there is none. */
export async function otherCurrency(executor: Executor, currency: string): Promise<string | null> {
  const [found] = await executor
    .select({ currency: ledgerAccounts.currency })
    .from(ledgerAccounts)
    .where(and(isNotNull(ledgerAccounts.ownerId), ne(ledgerAccounts.currency, currency)))
    .limit(1);
  return found?.currency ?? null;
}

export interface BalanceQuery {
  readonly kind: AccountKind;
  readonly ownerIds: readonly string[];
  readonly currency: string;
}

/** Balances in minor units by owner id; owners without an account are absent. */
export async function balances(executor: Executor, query: BalanceQuery): Promise<Map<string, bigint>> {
  if (query.ownerIds.length === 0) return new Map();
  const rows = await executor
    .select({ ownerId: ledgerAccounts.ownerId, balanceMinor: ledgerAccounts.balanceMinor })
    .from(ledgerAccounts)
    .where(
      and(
        eq(ledgerAccounts.kind, query.kind),
        sql`${ledgerAccounts.ownerId} = any(${pgArray(query.ownerIds)}::uuid[])`,
        eq(ledgerAccounts.currency, query.currency),
      ),
    );
  return new Map(
    rows.flatMap((row) => (row.ownerId === null ? [] : [[row.ownerId, row.balanceMinor] as const])),
  );
}

/** Ids of accounts by owner id; owners without one are absent. */
export async function findAccounts(executor: Executor, query: BalanceQuery): Promise<Map<string, string>> {
  if (query.ownerIds.length === 0) return new Map();
  const rows = await executor
    .select({ ownerId: ledgerAccounts.ownerId, id: ledgerAccounts.id })
    .from(ledgerAccounts)
    .where(
      and(
        eq(ledgerAccounts.kind, query.kind),
        sql`${ledgerAccounts.ownerId} = any(${pgArray(query.ownerIds)}::uuid[])`,
        eq(ledgerAccounts.currency, query.currency),
      ),
    );
  return new Map(rows.flatMap((row) => (row.ownerId === null ? [] : [[row.ownerId, row.id] as const])));
}

/** When transfers were posted, by their ids; unknown ones are absent. */
export async function findTransferTimes(
  executor: Executor,
  transferIds: readonly string[],
): Promise<ReadonlyMap<string, Date>> {
  if (transferIds.length === 0) return new Map();
  const rows = await executor
    .select({ id: ledgerTransfers.id, createdAt: ledgerTransfers.createdAt })
    .from(ledgerTransfers)
    .where(sql`${ledgerTransfers.id} = any(${pgPlainArray(transferIds)}::uuid[])`);
  return new Map(rows.map((row) => [row.id, row.createdAt]));
}
