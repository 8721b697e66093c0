/**
 * Where people's withdrawals go: an account at the provider, linked on the provider's own pages.
 *
 * Owns: the table `bank_accounts`. Never: sees a bank account's number, and believes no browser that comes back.
 */
import { and, eq, lte } from 'drizzle-orm';
import type { BankAccountLink, BankAccountState } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import type { Executor } from '../db/client.ts';
import { bankAccounts } from '../db/schema/money.ts';
import { type ConnectedAccount, ProviderUnavailable } from './port.ts';
import { ApiProblem } from '../http/problem.ts';
import { tryAgain } from './try-again.ts';

type Needs = Pick<ServerContext, 'db' | 'config' | 'clock' | 'money'>;
export type BankAccountRow = typeof bankAccounts.$inferSelect;

export async function findBankAccount(executor: Executor, userId: string): Promise<BankAccountRow | null> {
  const [row] = await executor.select().from(bankAccounts).where(eq(bankAccounts.userId, userId));
  return row ?? null;
}

export function bankAccountState(row: BankAccountRow | null): BankAccountState {
  if (row === null) return 'none';
  if (row.payoutsEnabled && row.bankId !== null) return 'ready';
  return row.detailsSubmitted ? 'in_review' : 'incomplete';
}

/**
 * As the provider has it now, because its event may be late or lost. While it does not answer, or was asked too often: as it
 * was known last.
 * @throws ApiProblem `payment_provider_unavailable` when `mustBeFresh`
 */
export async function lookAtBankAccount(
  needs: Needs & Pick<ServerContext, 'limits'>,
  userId: string,
  { mustBeFresh }: { readonly mustBeFresh: boolean },
): Promise<BankAccountRow | null> {
  const row = await findBankAccount(needs.db, userId);
  if (row === null) return null;
  try {
    if (!mustBeFresh) await needs.limits.take('bank_look_by_user', userId);
    await learnAccount(needs, row.providerId);
  } catch (cause) {
    const isPassing = cause instanceof ProviderUnavailable || cause instanceof ApiProblem;
    if (mustBeFresh || !isPassing) tryAgain(cause);
  }
  return findBankAccount(needs.db, userId);
}

/** @throws ApiProblem `payment_provider_unavailable` */
export async function linkBankAccount(
  needs: Needs,
  owner: { readonly userId: string; readonly isBusiness: boolean },
): Promise<BankAccountLink> {
  const { config, money } = needs;
  const known = await findBankAccount(needs.db, owner.userId);
  const accountId = known?.providerId ?? (await open(needs, owner));
  // A business came from the merchant's pages, a person from the wallet.
  const page = (bank: string) =>
    `${config.publicOrigin}/${owner.isBusiness ? `merchant?bank=${bank}#/pay-outs` : `?bank=${bank}`}`;
  const link = await money
    .onboardingLink({
      accountId,
      returnUrl: page('done'),
      refreshUrl: page('again'),
    })
    .catch(tryAgain);
  return { url: link.url, expiresAt: link.expiresAt.toISOString() };
}

async function open(
  needs: Needs,
  owner: { readonly userId: string; readonly isBusiness: boolean },
): Promise<string> {
  const askedAt = new Date(needs.clock.nowMs());
  // The provider answers a repeat with the same account: two requests at once end in one.
  const account = await needs.money
    .openAccount({ ...owner, country: needs.config.money.country })
    .catch(tryAgain);
  await needs.db
    .insert(bankAccounts)
    .values({ userId: owner.userId, createdAt: askedAt, askedAt, ...columnsOf(account) })
    .onConflictDoNothing();
  const row = await findBankAccount(needs.db, owner.userId);
  if (row === null) throw new Error('the bank account was not stored');
  return row.providerId;
}

/**
 * Asks the provider what an account has become. Nobody's account is nothing to us.
 * @throws ProviderUnavailable
 */
export async function learnAccount(needs: Needs, providerId: string): Promise<void> {
  const { db, clock, money } = needs;
  const known = await db
    .select({ userId: bankAccounts.userId })
    .from(bankAccounts)
    .where(eq(bankAccounts.providerId, providerId));
  if (known.length === 0) return;
  const askedAt = new Date(clock.nowMs());
  const account = await money.readAccount(providerId);
  // Of two that ask at once, who asked later knows better.
  await db
    .update(bankAccounts)
    .set({ askedAt, ...columnsOf(account) })
    .where(and(eq(bankAccounts.providerId, providerId), lte(bankAccounts.askedAt, askedAt)));
}

function columnsOf({ providerId, payoutsEnabled, detailsSubmitted, bank }: ConnectedAccount) {
  return {
    providerId,
    payoutsEnabled,
    detailsSubmitted,
    bankId: bank?.id ?? null,
    bankName: bank?.name ?? null,
    bankLast4: bank?.last4 ?? null,
    bankFingerprint: bank?.fingerprint ?? null,
  };
}
