/**
 * A person asks for money to go to their bank.
 *
 * Owns: new rows of `withdrawals` and the code that a risky one waits for. Never: calls the payment provider; a row with
 * `next_step_at` is the order, and `advance.ts` carries it out.
 */
import { and, eq, lt, lte, ne, sql } from 'drizzle-orm';
import type { Withdrawal } from '../../../contract/index.ts';
import {
  findUserById,
  MAX_CHECKS,
  OTP_LIFE_MS,
  RESEND_AFTER_MS,
  proveOwnerCode,
  sendOwnerCode,
  useOwnerProof,
} from '../../accounts/index.ts';
import type { ServerContext } from '../../context.ts';
import type { Executor, Tx } from '../../db/client.ts';
import { inTransaction } from '../../db/retry.ts';
import { withdrawals } from '../../db/schema/money.ts';
import { problem } from '../../http/problem.ts';
import { bankAccountState, findBankAccount, lookAtBankAccount } from '../bank-accounts.ts';
import { idFromKey } from '../id-from-key.ts';
import { feeOf } from '../policy.ts';
import { bookRequest, type WithdrawalRow } from './book.ts';
import { judge, lockPocket, type Pocket, rulesFor } from './terms.ts';
import { findWithdrawal, withdrawalView } from './views.ts';
import { stepMinor } from '../stripe-amounts.ts';

export type RequestNeeds = Pick<
  ServerContext,
  'db' | 'config' | 'clock' | 'limits' | 'notify' | 'money' | 'log'
>;

const MAX_SENDS = 5;

export interface WithdrawalRequest {
  readonly pocket: Pocket;
  readonly amountMinor: bigint;
  /** What the person agreed to. */
  readonly feeMinor: bigint;
  /** Names this write for ever. */
  readonly key: string;
}

/**
 * The money leaves the pocket in the transaction that writes the order; with a code to come, only when it came. Repeatable.
 * @throws ApiProblem `bank_account_not_ready`, `amount_below_minimum`, `fee_changed`, `insufficient_funds`,
 *   `withdrawal_limit_reached`, `money_on_hold`, `debt_unpaid`, `idempotency_key_reused`, `payment_provider_unavailable`,
 *   `sms_not_sent`, `rate_limited`
 */
export async function requestWithdrawal(
  needs: RequestNeeds,
  request: WithdrawalRequest,
): Promise<Withdrawal> {
  const { pocket } = request;
  const id = idFromKey('withdrawal', request.key);
  const known = await findStanding(needs.db, request, id);
  // What was ordered stands, whatever the rules have become: a repeat that is refused would be ordered a second time.
  if (known === null) assertWithinRules(needs, request);
  if (known === null) await lookAtBankAccount(needs, pocket.userId, { mustBeFresh: true });
  const row = await inTransaction(needs.db, async (tx) => {
    await lockPerson(tx, pocket.userId);
    return (await findStanding(tx, request, id)) ?? (await write(tx, needs, request, id));
  });
  const isCodeOwed = row.verificationId === null && isAwaiting(needs, row);
  return withdrawalView(isCodeOwed ? await sendCodeFor(needs, row) : row, needs.clock.nowMs());
}

function assertWithinRules(needs: RequestNeeds, { amountMinor, feeMinor, pocket }: WithdrawalRequest): void {
  const rules = rulesFor(needs, pocket);
  if (amountMinor < rules.minMinor) throw problem('amount_below_minimum');
  if (feeMinor !== feeOf(amountMinor, rules)) throw problem('fee_changed');
  const step = stepMinor(needs.config.currency, 'pay_out');
  if ((amountMinor - feeMinor) % step !== 0n)
    throw problem('request_invalid', { detail: `amountMinor: banks get multiples of ${step} only` });
}

async function findStanding(
  executor: Executor,
  { amountMinor, feeMinor }: WithdrawalRequest,
  id: string,
): Promise<WithdrawalRow | null> {
  const [row] = await executor.select().from(withdrawals).where(eq(withdrawals.id, id));
  if (row === undefined) return null;
  if (row.amountMinor !== amountMinor || row.feeMinor !== feeMinor) throw problem('idempotency_key_reused');
  return row;
}

/** One at a time: the limits are sums over rows that a twin may be adding. */
async function lockPerson(tx: Tx, userId: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`withdrawal ${userId}`}, 0))`);
}

async function write(
  tx: Tx,
  needs: RequestNeeds,
  { pocket, amountMinor, feeMinor }: WithdrawalRequest,
  id: string,
): Promise<WithdrawalRow> {
  const { currency } = needs.config;
  const bank = await readyBank(tx, pocket.userId);
  const ledgerAccountId = await lockPocket(tx, needs, pocket);
  const { isLarge } = await judge(tx, needs, pocket, amountMinor);
  const needsCode = isLarge || !(await isKnownBank(tx, pocket.userId, bank.bankFingerprint));
  const createdAt = new Date(needs.clock.nowMs());
  // One code at a time: the SMS provider may give the same one to two that wait.
  await tx
    .update(withdrawals)
    .set({ codeExpiresAt: createdAt })
    .where(and(eq(withdrawals.userId, pocket.userId), eq(withdrawals.state, 'awaiting_code')));
  const [row] = await tx
    .insert(withdrawals)
    .values({
      id,
      userId: pocket.userId,
      ledgerAccountId,
      amountMinor,
      feeMinor,
      currency,
      providerAccountId: bank.providerId,
      bankId: bank.bankId,
      bankName: bank.bankName,
      bankLast4: bank.bankLast4,
      bankFingerprint: bank.bankFingerprint,
      createdAt,
      ...(needsCode
        ? { state: 'awaiting_code' as const, codeExpiresAt: new Date(createdAt.getTime() + OTP_LIFE_MS) }
        : { state: 'requested' as const, requestedAt: createdAt, nextStepAt: createdAt }),
    })
    .returning();
  if (row === undefined) throw new Error('the withdrawal was not stored');
  if (!needsCode && !(await bookRequest(tx, row))) throw problem('insufficient_funds');
  return row;
}

async function readyBank(tx: Tx, userId: string) {
  const bank = await findBankAccount(tx, userId);
  const isReady = bankAccountState(bank) === 'ready';
  if (!isReady || bank === null || bank.bankId === null || bank.bankFingerprint === null)
    throw problem('bank_account_not_ready');
  const { providerId, bankId, bankFingerprint, bankName, bankLast4 } = bank;
  return { providerId, bankId, bankFingerprint, bankName: bankName ?? '', bankLast4: bankLast4 ?? '' };
}

/** A bank account is known once a code was given for a withdrawal to it. */
async function isKnownBank(tx: Tx, userId: string, fingerprint: string): Promise<boolean> {
  const found = await tx
    .select({ id: withdrawals.id })
    .from(withdrawals)
    .where(
      and(
        eq(withdrawals.userId, userId),
        eq(withdrawals.bankFingerprint, fingerprint),
        eq(withdrawals.confirmedByCode, true),
      ),
    )
    .limit(1);
  return found.length > 0;
}

export interface CodeRequest {
  readonly pocket: Pocket;
  readonly id: string;
}

/** @throws ApiProblem `withdrawal_not_found`, `withdrawal_not_awaiting_code`, `otp_too_many_attempts`, `rate_limited`, `sms_not_sent` */
export async function resendCode(needs: RequestNeeds, { pocket, id }: CodeRequest): Promise<Withdrawal> {
  const row = await findWithdrawal(needs.db, pocket.userId, id);
  assertAwaiting(needs, row);
  return withdrawalView(await sendCodeFor(needs, row), needs.clock.nowMs());
}

function assertAwaiting(needs: Pick<RequestNeeds, 'clock'>, row: WithdrawalRow): void {
  if (!isAwaiting(needs, row)) throw problem('withdrawal_not_awaiting_code');
}

function isAwaiting({ clock }: Pick<RequestNeeds, 'clock'>, row: WithdrawalRow): boolean {
  const isOver = row.codeExpiresAt === null || row.codeExpiresAt.getTime() <= clock.nowMs();
  return row.state === 'awaiting_code' && !isOver;
}

async function sendCodeFor(needs: RequestNeeds, row: WithdrawalRow): Promise<WithdrawalRow> {
  const { db, clock } = needs;
  const user = await findUserById(db, row.userId);
  if (user === undefined) throw problem('not_authenticated');
  const now = new Date(clock.nowMs());
  // Claimed before it is sent, so that many requests at once cause one SMS.
  const [claimed] = await db
    .update(withdrawals)
    .set({ codeSentCount: sql`${withdrawals.codeSentCount} + 1`, codeSentAt: now })
    .where(
      and(
        eq(withdrawals.id, row.id),
        lt(withdrawals.codeSentCount, MAX_SENDS),
        sql`(${withdrawals.codeSentAt} is null or ${lte(withdrawals.codeSentAt, new Date(now.getTime() - RESEND_AFTER_MS))})`,
      ),
    )
    .returning();
  if (claimed === undefined) {
    if (row.codeSentCount >= MAX_SENDS) throw problem('otp_too_many_attempts');
    throw problem('rate_limited', { retryAfterMs: RESEND_AFTER_MS });
  }
  const act = { userId: user.id, purpose: 'withdrawal', subject: row.id } as const;
  const verificationId = await sendOwnerCode(needs, { ...act, phone: user.phone }).catch(
    async (error: unknown) => {
      // It may be asked for again at once: nothing was sent.
      await db
        .update(withdrawals)
        .set({ codeSentAt: row.codeSentAt, codeSentCount: sql`${withdrawals.codeSentCount} - 1` })
        .where(and(eq(withdrawals.id, row.id), eq(withdrawals.codeSentAt, now)));
      throw error;
    },
  );
  const [sent] = await db
    .update(withdrawals)
    .set({
      verificationId,
      // A new code at the provider has new attempts; a repeated one keeps its count.
      codeCheckCount: sql`case when ${withdrawals.verificationId} = ${verificationId} then ${withdrawals.codeCheckCount} else 0 end`,
    })
    .where(eq(withdrawals.id, row.id))
    .returning();
  return sent ?? claimed;
}

/**
 * The code was typed: the money leaves the pocket, unless something has changed since.
 * @throws ApiProblem `withdrawal_not_found`, `withdrawal_not_awaiting_code`, `otp_incorrect`, `otp_expired`,
 *   `otp_too_many_attempts`, `bank_account_not_ready`, and those of {@link requestWithdrawal}
 */
export async function confirmWithdrawal(
  needs: RequestNeeds,
  { pocket, id, address, code }: CodeRequest & { readonly code: string; readonly address: string },
): Promise<Withdrawal> {
  const { db, limits } = needs;
  await limits.take('verify_by_address', address);
  const row = await findWithdrawal(db, pocket.userId, id);
  // A repeat after a lost answer: it was confirmed, and by a code.
  if (row.state !== 'awaiting_code' && row.confirmedByCode) return withdrawalView(row, needs.clock.nowMs());
  assertAwaiting(needs, row);
  await lookAtBankAccount(needs, pocket.userId, { mustBeFresh: true });
  await assertCode(needs, row, code);
  const confirmed = await inTransaction(db, async (tx) => {
    await lockPerson(tx, pocket.userId);
    const waiting = await findWithdrawal(tx, pocket.userId, id);
    if (waiting.state !== 'awaiting_code') return waiting;
    const bank = await readyBank(tx, pocket.userId);
    // The code was given for this bank account and for no other.
    if (bank.bankId !== waiting.bankId) throw problem('bank_account_not_ready');
    await lockPocket(tx, needs, pocket);
    await judge(tx, needs, pocket, waiting.amountMinor);
    if (!(await bookRequest(tx, waiting))) throw problem('insufficient_funds');
    const requestedAt = new Date(needs.clock.nowMs());
    const [done] = await tx
      .update(withdrawals)
      .set({ state: 'requested', requestedAt, nextStepAt: requestedAt, confirmedByCode: true })
      .where(and(eq(withdrawals.id, id), ne(withdrawals.confirmedByCode, true)))
      .returning();
    return done ?? waiting;
  });
  return withdrawalView(confirmed, needs.clock.nowMs());
}

async function assertCode(needs: RequestNeeds, row: WithdrawalRow, code: string): Promise<void> {
  const { db } = needs;
  if (row.verificationId === null) throw problem('otp_expired');
  // Counted before the provider is asked, so that parallel guesses cannot share one count.
  const [counted] = await db
    .update(withdrawals)
    .set({ codeCheckCount: sql`${withdrawals.codeCheckCount} + 1` })
    .where(and(eq(withdrawals.id, row.id), lt(withdrawals.codeCheckCount, MAX_CHECKS)))
    .returning({ id: withdrawals.id });
  if (counted === undefined) throw problem('otp_too_many_attempts');
  const act = { userId: row.userId, purpose: 'withdrawal', subject: row.id } as const;
  await proveOwnerCode(needs, act, code);
  await useOwnerProof(needs, act);
}
