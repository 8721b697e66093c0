/**
 * What becomes of an account that is made an operator's. Who may ask for it, and that it is written down, is `operator/`'s business.
 */
import { and, eq, ne, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { allowances } from '../db/schema/allowances.ts';
import { sessions, users } from '../db/schema/accounts.ts';
import { problem } from '../http/problem.ts';

/**
 * Their sessions end, so that the next one is an operator's.
 * @returns whether it was a customer's until now.
 * @throws ApiProblem `account_not_empty` for who has money here: an operator has no wallet
 */
export async function makeOperator(tx: Tx, userId: string): Promise<boolean> {
  const [money] = await tx.execute<{ held: boolean }>(sql`
    select exists (select from ledger_accounts where kind = 'user_online' and owner_id = ${userId} and balance_minor <> 0) as held`);
  const open = await tx
    .select({ id: allowances.id })
    .from(allowances)
    .where(and(eq(allowances.userId, userId), ne(allowances.status, 'closed')))
    .limit(1);
  if (money?.held === true || open.length > 0)
    throw problem('account_not_empty', {
      detail:
        'There is money in this wallet, and an operator has none: appoint a person who never topped up, or let this one first move all of it out.',
    });
  const made = await tx
    .update(users)
    .set({ role: 'operator' })
    .where(and(eq(users.id, userId), eq(users.role, 'customer')))
    .returning({ id: users.id });
  await tx
    .update(sessions)
    .set({ revokedAt: sql`now()`, revokedReason: 'logged_out' })
    .where(and(eq(sessions.userId, userId), sql`${sessions.revokedAt} is null`));
  return made.length > 0;
}
