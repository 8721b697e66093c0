/**
 * Making an operator of somebody who has registered, by the terminal of the server only: no request of the API can do it.
 */
import { and, eq, ne, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { allowances } from '../db/schema/allowances.ts';
import { sessions, users } from '../db/schema/accounts.ts';
import { problem } from '../http/problem.ts';
import { findUserByPhone } from './users.ts';

/**
 * Their sessions end, so that the next one is an operator's.
 * @returns the name of the person.
 * @throws ApiProblem `recipient_not_found`, `not_permitted` for who works for a shop, `account_not_empty` for who has money here:
 *   an operator has no wallet
 */
export async function appointOperator(db: Db, phone: string): Promise<string> {
  const user = await findUserByPhone(db, phone);
  if (user === undefined) throw problem('recipient_not_found');
  if (user.role === 'operator') return user.username;
  if (user.role !== 'customer' || user.merchant !== null) throw problem('not_permitted');
  await inTransaction(db, async (tx) => {
    const [money] = await tx.execute<{ held: boolean }>(sql`
      select exists (select from ledger_accounts where kind = 'user_online' and owner_id = ${user.id} and balance_minor <> 0) as held`);
    const open = await tx
      .select({ id: allowances.id })
      .from(allowances)
      .where(and(eq(allowances.userId, user.id), ne(allowances.status, 'closed')))
      .limit(1);
    if (money?.held === true || open.length > 0) throw problem('account_not_empty');
    await tx.update(users).set({ role: 'operator' }).where(eq(users.id, user.id));
    await tx
      .update(sessions)
      .set({ revokedAt: sql`now()`, revokedReason: 'logged_out' })
      .where(and(eq(sessions.userId, user.id), sql`${sessions.revokedAt} is null`));
  });
  return user.username;
}
