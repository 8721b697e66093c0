/** Withdrawals as the API shows them to whom they belong. Reads only. */
import { and, desc, eq, lt } from 'drizzle-orm';
import type { Withdrawal, WithdrawalFailure, WithdrawalStatus } from '../../../contract/index.ts';
import { RESEND_AFTER_MS } from '../../accounts/index.ts';
import type { Executor } from '../../db/client.ts';
import { withdrawals } from '../../db/schema/money.ts';
import { problem } from '../../http/problem.ts';
import { netOf, type WithdrawalRow } from './book.ts';

/** @throws ApiProblem `withdrawal_not_found`, for other people's too */
export async function findWithdrawal(executor: Executor, userId: string, id: string): Promise<WithdrawalRow> {
  const [row] = await executor
    .select()
    .from(withdrawals)
    .where(and(eq(withdrawals.id, id), eq(withdrawals.userId, userId)));
  if (row === undefined) throw problem('withdrawal_not_found');
  return row;
}

/** Newest first. The cursor is the time of the last one shown. */
export async function listWithdrawals(
  executor: Executor,
  query: {
    readonly userId: string;
    readonly limit: number;
    readonly before: Date | null;
    readonly nowMs: number;
  },
): Promise<{ items: Withdrawal[]; nextCursor: string | null }> {
  const rows = await executor
    .select()
    .from(withdrawals)
    .where(
      and(
        eq(withdrawals.userId, query.userId),
        query.before === null ? undefined : lt(withdrawals.createdAt, query.before),
      ),
    )
    .orderBy(desc(withdrawals.createdAt), desc(withdrawals.id))
    .limit(query.limit + 1);
  const shown = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? shown.at(-1) : undefined;
  return {
    items: shown.map((row) => withdrawalView(row, query.nowMs)),
    nextCursor: last?.createdAt.toISOString() ?? null,
  };
}

export function withdrawalView(row: WithdrawalRow, nowMs: number): Withdrawal {
  const status = statusOf(row, nowMs);
  return {
    id: row.id,
    status,
    amountMinor: row.amountMinor.toString(),
    feeMinor: row.feeMinor.toString(),
    netMinor: netOf(row).toString(),
    currency: row.currency,
    bankName: row.bankName,
    last4: row.bankLast4,
    failure: status === 'coming_back' || status === 'returned' ? failureOf(row) : null,
    createdAt: row.createdAt.toISOString(),
    finishedAt: row.finishedAt?.toISOString() ?? null,
    code:
      status === 'awaiting_code' && row.codeExpiresAt !== null
        ? {
            expiresAt: row.codeExpiresAt.toISOString(),
            resendAfterMs: Math.max(0, (row.codeSentAt?.getTime() ?? 0) + RESEND_AFTER_MS - nowMs),
          }
        : null,
  };
}

function statusOf(row: WithdrawalRow, nowMs: number): WithdrawalStatus {
  switch (row.state) {
    case 'awaiting_code':
      return row.codeExpiresAt !== null && row.codeExpiresAt.getTime() <= nowMs ? 'expired' : 'awaiting_code';
    case 'requested':
    case 'sent':
    case 'paying':
      return 'on_its_way';
    case 'returning':
      return 'coming_back';
    case 'paid':
    case 'returned':
      return row.state;
  }
}

/** Stripe's words for what a bank or Stripe itself objected to. */
function failureOf(row: WithdrawalRow): WithdrawalFailure {
  const { payoutFailed, payoutRefused } = row;
  if (payoutFailed === null) return payoutRefused === null ? 'provider_refused' : 'account_not_ready';
  switch (payoutFailed) {
    case 'account_closed':
    case 'bank_account_restricted':
    case 'account_frozen':
      return 'bank_account_closed';
    case 'no_account':
    case 'invalid_account_number':
    case 'incorrect_account_holder_name':
    case 'incorrect_account_holder_details':
    case 'bank_ownership_changed':
      return 'bank_account_not_found';
    default:
      return 'bank_refused';
  }
}
