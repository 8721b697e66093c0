/**
 * Making an operator of somebody who has registered, by the terminal of the server only: no request of the API can do it.
 */
import { findUserByPhone, makeOperator } from '../accounts/index.ts';
import type { Db } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { problem } from '../http/problem.ts';
import { writeDown } from './audit.ts';

/**
 * Written down as the first act of the new operator: at a terminal nobody has signed in who could be named.
 * @returns the name of the person.
 * @throws ApiProblem `recipient_not_found`, `not_permitted` for who works for a shop, `account_not_empty`
 */
export async function appointOperator(db: Db, phone: string): Promise<string> {
  const user = await findUserByPhone(db, phone);
  if (user === undefined) throw problem('recipient_not_found');
  if (user.role === 'operator') return user.username;
  if (user.role !== 'customer' || user.merchant !== null) throw problem('not_permitted');
  await inTransaction(db, async (tx) => {
    if (await makeOperator(tx, user.id))
      await writeDown(
        tx,
        { operatorId: user.id, reason: 'npm run operator -- appoint-operator' },
        { act: 'operator_appointed', subjectId: user.id, at: new Date() },
      );
  });
  return user.username;
}
